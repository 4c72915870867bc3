/** Prepared messages as rows, and back: properties travel as AMQP bytes, so that nothing is lost or guessed. Pure. */
import { CeleriacError, type PreparedMessage, readProperties, writeProperties } from '@celeriac/core';

import type { OutboxRecord } from './ports.js';

/** Throws ERR_NOT_SERIALIZABLE for properties that AMQP cannot carry. */
export function toRecord(message: PreparedMessage, orderKey: string | undefined): OutboxRecord {
  const { kind, id, name, body } = message;
  const task = message.kind === 'task' ? message : undefined;
  return {
    messageId: id,
    kind,
    name,
    queue: task?.queue,
    orderKey,
    eta: task?.eta,
    expires: task?.expires,
    mandatory: message.kind === 'task' || message.mandatory,
    properties: Buffer.from(writeProperties(message.properties), 'latin1'),
    body,
  };
}

/** Throws ERR_MESSAGE_MALFORMED for a row that no outbox wrote. */
export function fromRecord(record: OutboxRecord): PreparedMessage {
  const { kind, messageId: id, name, queue, eta, expires, mandatory, body } = record;
  const read = readProperties(record.properties, 0);
  if (read.headerError !== undefined) throw malformed(record, `its properties: ${read.headerError}`);
  const common = { id, name, body, properties: Object.assign(read, { messageId: id }) };
  if (kind === 'event') return { kind, ...common, mandatory };
  if (queue === undefined) throw malformed(record, 'a task without a queue');
  return {
    kind,
    ...common,
    queue,
    ...(eta === undefined ? {} : { eta }),
    ...(expires === undefined ? {} : { expires }),
  };
}

function malformed({ messageId: id, kind, name }: OutboxRecord, problem: string): CeleriacError {
  return new CeleriacError('ERR_MESSAGE_MALFORMED', {
    message: `The row of the ${kind} '${name}' cannot be read (${problem}).`,
    hint: 'It is kept, set aside: something else than this package has written or changed it.',
    values: { id, kind, name },
  });
}
