/** argsrepr of our messages is what Python's repr prints. */
import { encodeTask } from '@celeriac/core';
import { expect } from 'chai';

import { pythonComputes, requireCelery } from '../support/python.js';

const calls: readonly (readonly unknown[])[] = [
  [],
  [1],
  [null, true, false, -1, 2n ** 70n],
  [1.5, 1e300, 1e-7, 0.0001, 0.00001, -0],
  ["it's", 'say "hi"', 'both \' and "', 'back\\slash', '\n\r\t\u0000\u007f\u00a0\u200b\u2028\ufeff', 'é 🐟'],
  [[1, [2]], { a: 1, "b'": { c: [] } }, {}, []],
];

describe("Python's repr", function () {
  before(function () {
    requireCelery(this);
  });

  it('prints what argsrepr says, for every kind of argument', () => {
    const text = calls.map((args) => bodyArgs(args));

    const printed = pythonComputes('reprs.py', `[${text.join(',')}]`);

    expect(calls.map((args) => encoded(args).properties.headers?.argsrepr)).to.deep.equal(printed);
  });
});

function encoded(args: readonly unknown[]): ReturnType<typeof encodeTask> {
  const embed = { callbacks: null, errbacks: null, chain: null, chord: null };
  const message = { kind: 'task', id: 'i', task: 't', rootId: 'i', kwargs: {}, headers: {} } as const;
  return encodeTask({ ...message, args, retries: 0, timeLimit: {}, embed }, 0);
}

/** The arguments as they travel: `[args, kwargs, embed]` without the rest. */
function bodyArgs(args: readonly unknown[]): string {
  const body = encoded(args).body.toString();
  return body.slice(1, body.lastIndexOf(',{},{"callbacks"'));
}
