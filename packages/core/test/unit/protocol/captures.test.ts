/** Every captured message of Celery 5.2.6 and 5.6.3: read, and written again as Celery wrote it. */
import { expect } from 'chai';

import { decodeTask, encodeTask } from '../../../dist/protocol/celery-v2.js';
import { parseIsoTime } from '../../../dist/protocol/iso-time.js';
import type { TaskMessage } from '../../../dist/message.js';
import type { EncodedMessage } from '../../../dist/protocol/received.js';
import { type Captured, capturedTasks, propertiesOf, received } from './captures.js';

const versions = ['5.2.6', '5.6.3'] as const;
/** Scenarios whose body is in another serializer. */
const otherSerializers = new Set(['msgpack', 'yaml', 'pickle']);
/** Read, but written in another form: protocol 1, compressed, and typed values. */
const otherForm = new Set(['v1', 'zlib', 'types_in']);
/** What Celery 5.6 writes and 5.2 does not yet. */
const newer = { replaced_task_nesting: 0, stamped_headers: null, stamps: {} };

function decoded(captured: Captured): TaskMessage {
  const result = decodeTask(received(captured));
  if (!result.ok) throw result.error;
  return result.message;
}

/** Written at the moment Celery wrote it, as far as its expiration says. */
function encoded(captured: Captured, message: TaskMessage): EncodedMessage {
  const left = Number(captured.properties.expiration ?? 0);
  return encodeTask(message, (message.expires ?? 0) - left);
}

/** Moments to the millisecond: JavaScript's have no more. */
function withMoments(headers: Record<string, unknown>): Record<string, unknown> {
  const moment = (value: unknown): unknown => (typeof value === 'string' ? parseIsoTime(value) : value);
  return { ...headers, eta: moment(headers.eta), expires: moment(headers.expires) };
}

for (const version of versions) {
  describe(`captured tasks of Celery ${version}`, () => {
    for (const [scenario, captured] of capturedTasks(version)) {
      if (otherSerializers.has(scenario)) {
        it(`'${scenario}' is refused for its content type, its body unread`, () => {
          const result = decodeTask(received(captured));

          expect(result).to.include({ ok: false, reason: 'content-type' });
        });
        continue;
      }

      it(`'${scenario}' is read with the id, the name and the sender's wishes it carries`, () => {
        const headers = { ...(captured.body as object), ...captured.properties.headers } as Record<
          string,
          unknown
        >;

        const message = decoded(captured);

        expect(message).to.include({ id: headers.id, task: headers.task, retries: headers.retries });
        const [hard, soft] = headers.timelimit as (number | null)[];
        expect(message.timeLimit.hard ?? null).to.equal(hard);
        expect(message.timeLimit.soft ?? null).to.equal(soft);
        expect(message.correlationId).to.equal(captured.properties.correlation_id);
        expect(message.replyTo).to.equal(captured.properties.reply_to);
      });

      if (otherForm.has(scenario)) continue;

      it(`'${scenario}' is written again with the same headers, properties and body`, () => {
        const { headers, ...properties } = propertiesOf(captured.properties);

        const again = encoded(captured, decoded(captured));

        const { headers: ours, messageId, ...own } = again.properties;
        expect(own).to.deep.equal(properties);
        expect(messageId).to.equal(headers?.id);
        expect(withMoments(ours ?? {})).to.deep.equal(withMoments({ ...newer, ...headers }));
        expect(JSON.parse(again.body.toString())).to.deep.equal(captured.body);
      });
    }

    it('compressed bodies are inflated', () => {
      const [, captured] = capturedTasks(version).find(([scenario]) => scenario === 'zlib')!;

      expect(decoded(captured)).to.deep.include({ args: [4, 5], kwargs: {}, headers: {} });
    });

    it('protocol 1 is read from its body', () => {
      const [, captured] = capturedTasks(version).find(([scenario]) => scenario === 'v1')!;

      const message = decoded(captured);

      expect(message).to.deep.include({ task: 'tasks.add', args: [4, 4], kwargs: {}, retries: 0 });
      expect(message.eta).to.equal(parseIsoTime((captured.body as { eta: string }).eta));
      expect(message.rootId).to.equal(message.id);
    });
  });
}

describe('typed values of Celery 5.6', () => {
  it('arrive as what JavaScript has for them', () => {
    const [, captured] = capturedTasks('5.6.3').find(([scenario]) => scenario === 'types_in')!;

    expect(decoded(captured).args).to.deep.equal([
      new Date('2024-01-02T00:00:00Z'),
      Buffer.from('hi'),
      '00000000-0000-0000-0000-000000000002',
      '2.50',
    ]);
  });
});
