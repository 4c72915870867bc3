/** Nothing that arrives can make a decoder throw; what we encode we read back. */
import { deflateSync } from 'node:zlib';

import { expect } from 'chai';
import fc from 'fast-check';

import { isCeleriacError } from '../../../dist/errors.js';
import type { TaskMessage } from '../../../dist/message.js';
import { decodeTask, encodeTask } from '../../../dist/protocol/celery-v2.js';
import { decodeEvent } from '../../../dist/protocol/cloud-event.js';
import { stringifyJson } from '../../../dist/protocol/json.js';
import type { Decoded, Received } from '../../../dist/protocol/received.js';
import { capturedTasks, received } from './captures.js';

const fieldNames = [
  'lang',
  'task',
  'id',
  'eta',
  'expires',
  'group',
  'group_index',
  'retries',
  'timelimit',
  'root_id',
  'parent_id',
  'shadow',
  'origin',
  'ignore_result',
  'stamps',
  'stamped_headers',
  'replaced_task_nesting',
  'compression',
  '__proto__',
  'args',
  'kwargs',
  'embed',
  'callbacks',
  'chord',
  'utc',
  'taskset',
  'specversion',
  'source',
  'type',
  'data',
];
const anyValue = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true }),
  fc.constantFrom('application/json', 'gzip', 'zlib', '1.0', 'i', '2026-02-30', [null, null], {}, []),
);
const headers = fc.dictionary(fc.constantFrom(...fieldNames), anyValue);
const contentType = fc.constantFrom(
  'application/json',
  'application/cloudevents+json',
  'application/json; charset=utf-8',
  '',
  'x',
);
const contentEncoding = fc.constantFrom('utf-8', '', 'binary', 'utf-16');
const document = fc.oneof(
  fc.tuple(fc.jsonValue(), fc.jsonValue(), fc.jsonValue()),
  fc.dictionary(fc.constantFrom(...fieldNames), fc.jsonValue()),
  fc.jsonValue(),
);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  document.map((value) => Buffer.from(JSON.stringify(value))),
  document.map((value) => deflateSync(JSON.stringify(value))),
);
const anyMessage = fc.record({ headers, contentType, contentEncoding, body });

function decodes(decode: (message: Received) => Decoded<unknown>, message: Received): void {
  const result = decode(message);
  if (!result.ok && !isCeleriacError(result.error, 'ERR_MESSAGE_MALFORMED')) throw new Error('another error');
}

describe('decoding what nobody meant', () => {
  for (const [name, decode] of [
    ['decodeTask', decodeTask],
    ['decodeEvent', decodeEvent],
  ] as const) {
    it(`${name} never throws on random headers and bodies`, () => {
      fc.assert(
        fc.property(anyMessage, ({ body: bytes, ...properties }) => {
          decodes(decode, { properties, body: bytes });
        }),
        { numRuns: 1500 },
      );
    });
  }

  it('decodeTask never throws on a captured message with one byte or one header changed', () => {
    const captures = [...capturedTasks('5.2.6'), ...capturedTasks('5.6.3')].map(([, one]) => received(one));
    fc.assert(
      fc.property(
        fc.constantFrom(...captures),
        fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })),
        headers,
        (captured, [position, byte], changed) => {
          const bytes = Buffer.from(captured.body);
          bytes[position % bytes.length] = byte;
          decodes(decodeTask, { ...captured, body: bytes });
          const properties = {
            ...captured.properties,
            headers: { ...captured.properties.headers, ...changed },
          };
          decodes(decodeTask, { ...captured, properties });
        },
      ),
      { numRuns: 1500 },
    );
  });
});

describe('encodeTask', () => {
  const text = fc.string({ minLength: 1, maxLength: 40 });
  const json = fc.jsonValue({ maxDepth: 4 });
  const moment = fc.integer({ min: 0, max: 4e12 });
  const own = fc.dictionary(
    fc.stringMatching(/^x-[a-z]{1,8}$/u),
    fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
  );
  const anyTask: fc.Arbitrary<TaskMessage> = fc
    .record(
      {
        task: text,
        id: text,
        args: fc.array(json),
        kwargs: fc.dictionary(fc.string(), json),
        retries: fc.nat(),
        eta: moment,
        expires: moment,
        priority: fc.integer({ min: 0, max: 255 }),
        rootId: text,
        parentId: text,
        group: text,
        groupIndex: fc.nat(),
        shadow: text,
        origin: text,
        lang: text,
        ignoreResult: fc.boolean(),
        replyTo: text,
        correlationId: text,
        headers: own,
        replacedTaskNesting: fc.nat(),
        hard: fc.nat(),
        soft: fc.nat(),
      },
      { requiredKeys: ['task', 'id', 'args', 'kwargs', 'retries', 'rootId', 'headers'] },
    )
    .map(({ hard, soft, ...message }) => ({
      kind: 'task',
      embed: { callbacks: null, errbacks: null, chain: null, chord: null },
      timeLimit: { ...(hard === undefined ? {} : { hard }), ...(soft === undefined ? {} : { soft }) },
      ...message,
    })) as never;

  it('writes what decodeTask reads back, with what it fills in', () => {
    fc.assert(
      fc.property(anyTask, (message) => {
        const filled = {
          lang: 'js',
          origin: '',
          priority: 0,
          replacedTaskNesting: 0,
          correlationId: message.id,
        };
        const result = decodeTask(encodeTask(message, 0));
        if (!result.ok) throw result.error;
        expect(stringifyJson([result.message.args, result.message.kwargs])).to.equal(
          stringifyJson([message.args, message.kwargs]),
        );
        expect({ ...result.message, args: [], kwargs: {} }).to.deep.equal({
          ...filled,
          ...message,
          args: [],
          kwargs: {},
        });
      }),
    );
  });

  it("refuses a custom header that is Celery's own", () => {
    const message = { ...decodedCapture(), headers: { task: 'other' } };

    expect(() => encodeTask(message, 0)).to.throw("'task' belongs to Celery's protocol");
  });

  it('writes no expiration that RabbitMQ would refuse: the header tells instead', () => {
    const { headers, expiration } = encodeTask({ ...decodedCapture(), expires: 2 ** 32 }, 0).properties;

    expect(expiration).to.equal(undefined);
    expect(headers?.expires).to.equal('1970-02-19T17:02:47.296000+00:00');
  });

  it('never writes an expiration below zero', () => {
    expect(encodeTask({ ...decodedCapture(), expires: 1000 }, 2000).properties.expiration).to.equal('0');
    expect(encodeTask({ ...decodedCapture(), expires: 2000.9 }, 1000).properties.expiration).to.equal('1000');
  });
});

function decodedCapture(): TaskMessage {
  const [, captured] = capturedTasks('5.6.3')[0]!;
  const result = decodeTask(received(captured));
  if (!result.ok) throw result.error;
  return result.message;
}
