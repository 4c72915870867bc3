/** Messages that try to reach a prototype: their keys are members like any other, whatever is done with them here. */
import { expect } from 'chai';

import { defineTask } from '../../../dist/contract/task.js';
import { inputCandidates } from '../../../dist/contract/call.js';
import { taskForRetry } from '../../../dist/protocol/again.js';
import { decodeTask } from '../../../dist/protocol/celery-v2.js';
import type { HeaderTable } from '../../../dist/ports.js';

const names = ['"__proto__"', '"\\u005f_proto__"', '"\\u005f\\u005fproto\\u005f\\u005f"'];
const evil = '{"isAdmin":true,"toString":null}';

function received(kwargs: string, headers: HeaderTable = {}) {
  const table = Object.assign(Object.create(null), { task: 'a', id: '1', retries: 0 }) as HeaderTable;
  const properties = {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    headers: Object.setPrototypeOf({ ...table, ...headers }, null) as HeaderTable,
  };
  return { properties, body: Buffer.from(`[[],${kwargs},{}]`), exchange: '', routingKey: 'q' };
}

describe('a message with keys of prototypes', () => {
  for (const name of names) {
    it(`in its keyword arguments, written ${name}, gives nobody anything`, () => {
      const message = received(`{${name}:${evil},"constructor":{"prototype":${evil}},"n":1}`);

      const decoded = decodeTask(message);

      if (!decoded.ok) throw decoded.error;
      const { kwargs } = decoded.message;
      expect(Object.keys(kwargs)).to.deep.equal(['__proto__', 'constructor', 'n']);
      const contract = defineTask({ name: 'a', input: { type: 'object', properties: { n: {}, m: {} } } });
      const bound = inputCandidates(contract, { args: [], kwargs, single: false });
      const input = bound.ok ? (bound.values[0] as Record<string, unknown>) : {};
      for (const one of [kwargs, input, { ...kwargs }, {} as Record<string, unknown>]) {
        expect(one.isAdmin).to.equal(undefined);
        expect(Object.getPrototypeOf(one)).to.equal(Object.prototype);
      }
    });
  }

  it('in its headers keeps them as members, also on the copy for its next attempt', () => {
    const own = Object.defineProperty({}, '__proto__', { value: { isAdmin: true }, enumerable: true });
    const message = received('{}', own);

    const decoded = decodeTask(message);
    const copy = taskForRetry('UTC')(message, { retries: 1, eta: 1, now: 0 });

    if (!decoded.ok) throw decoded.error;
    for (const headers of [decoded.message.headers, copy.properties.headers ?? {}]) {
      expect(Object.keys(headers)).to.include('__proto__');
      expect(headers.isAdmin).to.equal(undefined);
    }
    expect(({} as Record<string, unknown>).isAdmin).to.equal(undefined);
  });
});
