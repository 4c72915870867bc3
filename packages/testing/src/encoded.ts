/** Messages as a publisher would send them, caught before they go anywhere. */
import { randomUUID } from 'node:crypto';

import {
  BrokerEventSender,
  BrokerTaskSender,
  type Clock,
  type Config,
  type EventContract,
  type EventSenderParts,
  producerName,
  type PublishEventOptions,
  type SendOptions,
  serviceName,
  type TaskContract,
} from '@celeriac/core';

import { allDeclared, RecordingSink } from './recording-sink.js';
import type { WireMessage } from './wire.js';

interface Encoding {
  readonly config: Config;
  readonly clock: Clock;
}

/** Rejects as `send` does. */
export function encodedTask(
  encoding: Encoding,
  call: { task: TaskContract | string; input: unknown; options: SendOptions },
): Promise<WireMessage> {
  return caught(encoding, (common) => {
    const sender = new BrokerTaskSender({ ...common, origin: producerName() });
    return sender.send(call.task, call.input, call.options);
  });
}

/** Rejects as `publishEvent` does. */
export function encodedEvent(
  encoding: Encoding,
  call: { event: EventContract | string; data: unknown; options: PublishEventOptions },
): Promise<WireMessage> {
  return caught(encoding, (common) => {
    const sender = new BrokerEventSender({ ...common, source: serviceName(encoding.config) });
    return sender.publishEvent(call.event, call.data, call.options);
  });
}

type Common = Omit<EventSenderParts, 'source'>;

/** What the sender made of it, instead of a sent message. */
async function caught(
  { config, clock }: Encoding,
  send: (common: Common) => Promise<unknown>,
): Promise<WireMessage> {
  const messages: WireMessage[] = [];
  const sink = new RecordingSink({ config, record: (message) => void messages.push(message) });
  await send({ config, clock, sink, declarer: allDeclared, newId: randomUUID });
  return messages[0] as WireMessage;
}
