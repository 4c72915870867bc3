import { expect } from 'chai';

import { parseCron } from '../../../dist/beat/cron-fields.js';

describe('a cron expression', () => {
  it('names the field that is wrong (K16-2)', () => {
    const table: readonly (readonly [string, string | undefined])[] = [
      ['60 * * * *', 'minute'],
      ['*/0 * * * *', 'minute'],
      ['5-1 * * * *', 'minute'],
      ['5/10 * * * *', 'minute'],
      ['a * * * *', 'minute'],
      [', * * * *', 'minute'],
      ['-1 * * * *', 'minute'],
      ['1e1 * * * *', 'minute'],
      ['* 24 * * *', 'hour'],
      ['* * 32 * *', 'day of month'],
      ['* * 0 * *', 'day of month'],
      ['* * L * *', 'day of month'],
      ['* * ? * *', 'day of month'],
      ['* * * 13 *', 'month'],
      ['* * * foo *', 'month'],
      ['* * * * 8', 'day of week'],
      ['* * * * 5#2', 'day of week'],
      ['0 0 30 2 *', 'day of month'],
      ['0 0 31 4 *', 'day of month'],
      ['0 0 31 2,4,6,9,11 *', 'day of month'],
      ['* * * * * * *', undefined],
      ['* * * * * *', undefined],
      ['* * * *', undefined],
      ['@daily', undefined],
      ['', undefined],
      ['*'.repeat(1000), undefined],
    ];
    for (const [expression, field] of table) {
      const parsed = parseCron(expression);
      expect(parsed.ok, expression).to.equal(false);
      if (!parsed.ok) expect(parsed.field, expression).to.equal(field);
    }
  });

  it('may use names, ranges, steps and lists, and 7 for Sunday', () => {
    const table = [
      [
        '*/15 0 * * *',
        '*/15 0 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31',
      ],
      ['0 9-17/2 1 jan,JUL mon-fri', '0 9-17/2 1 1,7 1,2,3,4,5'],
      ['0 0 1 1 5-7', '0 0 1 1 0,5,6'],
      ['0 0 1 1 */2', '0 0 1 1 0,2,4,6'],
      ['0  0\t29 2 7', '0 0 29 2 0'],
    ] as const;
    for (const [expression, pattern] of table) {
      const parsed = parseCron(expression);
      expect(parsed.ok && parsed.pattern.startsWith(pattern), expression).to.equal(true);
    }
  });
});
