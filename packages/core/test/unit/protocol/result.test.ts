/** Results as captured from Celery 5.2.6 and 5.6.3: read, and written as Celery wrote them. */
import { readFileSync } from 'node:fs';

import { expect } from 'chai';

import { CeleriacError } from '../../../dist/errors.js';
import { encodeException, exceptionText } from '../../../dist/protocol/exception.js';
import { decodeResult, encodeResult, isReady, resultTargetOf } from '../../../dist/protocol/result.js';
import { taskError, valueOf } from '../../../dist/results/task-error.js';

type Document = Record<string, unknown>;

function fixture(name: string): Document {
  const url = new URL(`../../../test/fixtures/celery/${name}`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as Document;
}

const now = Date.UTC(2026, 10, 25, 4, 39, 59, 226);
const written = (...args: Parameters<typeof encodeResult>): Document =>
  JSON.parse(encodeResult(...args)) as Document;

for (const version of ['5.2.6', '5.6.3']) {
  const { scenarios } = fixture(`rpc-results-${version}.json`) as {
    scenarios: Record<string, { body: Document | unknown[] }[]>;
  };
  const replies = Object.values(scenarios)
    .flat()
    .map(({ body }) => body)
    .filter((body): body is Document => !Array.isArray(body));
  const stored = fixture(`redis-${version}.json`).values_with_track_started_and_result_extended as Document;

  describe(`a result of Celery ${version}`, () => {
    it('is read from every reply that was captured', () => {
      expect(replies.length).to.be.greaterThan(5);
      for (const body of replies) {
        const record = decodeResult(JSON.stringify(body));
        expect(record).to.include({ id: body.task_id, status: body.status });
        if (body.status === 'SUCCESS') expect(valueOf(record)).to.not.equal(undefined);
      }
    });

    it('by rpc has exactly the keys that we write', () => {
      const reply = replies.find(({ status }) => status === 'SUCCESS') as Document;
      const own = written(
        { id: String(reply.task_id) },
        { status: 'SUCCESS', value: reply.result },
        { form: 'rpc', now },
      );
      expect(own).to.deep.equal({ ...reply, children: [] });
    });

    it('of a failure carries what was raised', () => {
      const failure = replies.find(({ status }) => status === 'FAILURE') as Document;
      const error = taskError(decodeResult(JSON.stringify(failure)));
      expect(error).to.include({ code: 'ERR_TASK_FAILED', excType: 'ValueError', excModule: 'builtins' });
      expect(error.excArgs).to.deep.equal(['boom', 42]);
      expect(error.traceback).to.match(/^Traceback/u);
      expect(error.message).to.include('ValueError: boom, 42');
    });

    it('in Redis is read whole, and written key by key as it was', () => {
      for (const [name, document] of Object.entries(stored)) {
        const { status, task_id: id, result, date_done: done } = document as Document;
        if (status !== 'SUCCESS' && status !== 'STARTED') continue;
        const record = decodeResult(JSON.stringify(document));
        expect(record, name).to.include({ id, status });
        expect(record.value, name).to.deep.equal(result);
        const target = { ...record, replyTo: undefined };
        const value = record.value;
        const own = written(
          target,
          status === 'SUCCESS' ? { status, value } : { status: 'STARTED', value, isReady: false },
          {
            form: 'stored',
            now,
            extended: { worker: record.worker ?? '', queue: record.queue ?? '' },
          },
        );
        const expected = {
          ...(document as Document),
          children: [],
          date_done: done === null ? null : own.date_done,
        };
        expect(own, name).to.deep.equal(expected);
      }
    });
  });
}

describe('a result', () => {
  it('says when it was done as Celery 5.5 and later do', () => {
    const own = written({ id: 'x' }, { status: 'SUCCESS', value: 1 }, { form: 'stored', now });
    expect(own.date_done).to.equal('2026-11-25T04:39:59.226000+00:00');
    expect(decodeResult(JSON.stringify(own)).doneAt).to.equal(now);
  });

  it('keeps every digit of integers, null, and values that look like a record', () => {
    const look = { status: 'STARTED', result: 1 };
    for (const value of [2n ** 70n, null, look, [1, [2, { ü: 'ß' }]]]) {
      const text = encodeResult({ id: 'x' }, { status: 'SUCCESS', value }, { form: 'rpc', now });
      expect(valueOf(decodeResult(text))).to.deep.equal(value);
    }
  });

  it('that JSON cannot carry is refused with the path within it', () => {
    const write = () =>
      encodeResult({ id: 'x' }, { status: 'SUCCESS', value: { a: [() => 1] } }, { form: 'rpc', now });
    expect(write)
      .to.throw(CeleriacError, /^result\.a\[0\] is function/u)
      .with.property('code', 'ERR_NOT_SERIALIZABLE');
  });

  it('that was revoked is told as such', () => {
    const { values_with_track_started_and_result_extended: stored } = fixture('redis-5.6.3.json');
    const record = decodeResult(JSON.stringify((stored as Document).REVOKED));
    expect(() => valueOf(record))
      .to.throw(CeleriacError)
      .with.property('code', 'ERR_TASK_REVOKED');
    expect(record.exception).to.deep.include({ type: 'TaskRevokedError', module: 'celery.exceptions' });
  });

  it('is written without arguments that JSON cannot carry', () => {
    const target = { id: 'x', args: [NaN], kwargs: {} };
    const extended = { worker: 'w', queue: 'q' };
    const own = written(target, { status: 'SUCCESS', value: 1 }, { form: 'stored', now, extended });
    expect(own).to.include({ args: null, result: 1 });
  });

  it('that is no record is refused with a code', () => {
    for (const text of [
      '',
      '[]',
      '1',
      '{}',
      '{"status":1}',
      '{"status":"SUCCESS"}',
      '{"status":"SUCCESS","task_id":1}',
    ]) {
      expect(() => decodeResult(text), text)
        .to.throw(CeleriacError)
        .with.property('code', 'ERR_RESULT_UNREADABLE');
    }
  });

  it('of a failure in no known form is told all the same', () => {
    for (const [result, text] of [
      ['boom', 'Exception: boom'],
      [null, 'Exception'],
      [{ exc_message: ['x'] }, 'Exception: {"exc_message":["x"]}'],
      [{ exc_type: 'E', exc_message: 'plain' }, 'E: plain'],
    ] as const) {
      const { exception } = decodeResult(JSON.stringify({ status: 'FAILURE', task_id: 'x', result }));
      expect(exceptionText(exception as never)).to.equal(text);
    }
  });

  it('reads children, also groups', () => {
    const children = [[['a', null], null], [['g', null], [[['b', null], null]]], 'junk', [null]];
    const { children: read } = decodeResult(JSON.stringify({ status: 'SUCCESS', task_id: 'x', children }));
    expect(read).to.deep.equal([{ id: 'a' }, { id: 'g', members: ['b'] }]);
  });

  it('is final in three states only', () => {
    expect(['SUCCESS', 'FAILURE', 'REVOKED'].every(isReady)).to.equal(true);
    expect(['PENDING', 'STARTED', 'RETRY', 'PROGRESS'].some(isReady)).to.equal(false);
  });
});

describe('an error on its way to Python', () => {
  class Broken extends Error {}
  const celeriac = (
    code: 'ERR_TASK_UNKNOWN' | 'ERR_TASK_REVOKED' | 'ERR_HARD_TIME_LIMIT' | 'ERR_CHILD_DIED',
    values = {},
  ) => new CeleriacError(code, { message: 'm', hint: 'h', values });
  const table: readonly (readonly [unknown, string, string, readonly unknown[]])[] = [
    [new Error('a'), 'builtins', 'Exception', ['a']],
    [new TypeError('a'), 'builtins', 'TypeError', ['a']],
    [new RangeError('a'), 'celeriac', 'RangeError', ['a']],
    [new Broken('a'), 'celeriac', 'Broken', ['a']],
    [Object.assign(new Error('a'), { name: 'SystemExit' }), 'celeriac', 'SystemExit', ['a']],
    [Object.assign(new Error('a'), { name: 'not a name' }), 'builtins', 'Exception', ['a']],
    [Object.assign(new Error('a'), { name: 7 }), 'builtins', 'Exception', ['a']],
    ['text', 'builtins', 'Exception', ['text']],
    [undefined, 'builtins', 'Exception', ['undefined']],
    [celeriac('ERR_TASK_UNKNOWN', { task: 't' }), 'celery.exceptions', 'NotRegistered', ['t']],
    [
      celeriac('ERR_TASK_REVOKED', { reason: 'revoked' }),
      'celery.exceptions',
      'TaskRevokedError',
      ['revoked'],
    ],
    [celeriac('ERR_HARD_TIME_LIMIT', { limit: 3 }), 'billiard.exceptions', 'TimeLimitExceeded', [3]],
    [celeriac('ERR_CHILD_DIED'), 'billiard.exceptions', 'WorkerLostError', ['m']],
    [new Error('amqp://me:hunter2@h'), 'builtins', 'Exception', ['amqp://me:***@h']],
  ];

  for (const [error, module, type, args] of table) {
    it(`is ${module}.${type}(${JSON.stringify(args)})`, () => {
      expect(encodeException(error)).to.deep.equal({ exc_type: type, exc_message: args, exc_module: module });
    });
  }

  it('has a form whatever was thrown, and always text that UTF-8 has', () => {
    const hostile = new Proxy(new Error('x'), {
      get: () => {
        throw new Error('no');
      },
    });
    for (const error of [
      hostile,
      new Error('\ud800'),
      new Error('x'.repeat(100_000)),
      Symbol('s'),
      { a: 1n },
    ]) {
      const text = encodeResult({ id: 'x' }, { status: 'FAILURE', error }, { form: 'stored', now });
      expect(text.length).to.be.lessThan(90_000);
      expect(decodeResult(text)).to.have.property('status', 'FAILURE');
    }
  });

  it('tells the stacks of its causes', () => {
    const error = new Error('outer', { cause: new TypeError('inner') });
    const { traceback } = written({ id: 'x' }, { status: 'FAILURE', error }, { form: 'rpc', now });
    expect(traceback).to.match(/^Error: outer\n[^]*Caused by: TypeError: inner/u);
  });
});

describe('the target of a result', () => {
  it('is read off the headers of a message whose body was not read', () => {
    const headers = { task: 't', id: 'x', ignore_result: false, retries: 2, group: 'g', parent_id: null };
    expect(resultTargetOf({ headers, replyTo: 'q', correlationId: 'c' })).to.include({
      id: 'x',
      name: 't',
      replyTo: 'q',
      correlationId: 'c',
      ignoreResult: false,
      groupId: 'g',
      retries: 2,
    });
    expect(resultTargetOf({ headers: { id: 'x' } })).to.equal(undefined);
    expect(resultTargetOf({})).to.equal(undefined);
  });
});
