/** The exit code of what stopped halfway is that of what stopped it. */
import { CeleriacError, type ErrorCode } from '@celeriac/core';
import { expect } from 'chai';

import { exitCodeOf } from '../../dist/exit-codes.js';

describe('the exit code of dead letters that were moved by half', () => {
  const cases: readonly [ErrorCode | undefined, number][] = [
    ['ERR_CHANNEL_CLOSED', 69],
    ['ERR_PUBLISH_TIMEOUT', 69],
    ['ERR_PUBLISH_UNROUTABLE', 70],
    ['ERR_DELIVERY_LIMIT_NEAR', 78],
    [undefined, 70],
  ];
  for (const [code, expected] of cases) {
    it(`is ${expected} after ${code ?? 'anything else'}`, () => {
      const cause = code === undefined ? new Error('no') : new CeleriacError(code, { message: 'no' });
      const error = new CeleriacError('ERR_DEAD_LETTERS_UNFINISHED', { message: 'halfway', cause });
      expect(exitCodeOf(error)).to.equal(expected);
    });
  }
});
