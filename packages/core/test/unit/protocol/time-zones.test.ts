/** Times on the wire do not depend on the time zone of the machine: what is sent has an offset, what is read is UTC without one. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { expect } from 'chai';

const run = promisify(execFile);
const protocol = new URL('../../../dist/protocol/index.js', import.meta.url).href;

const program = `
const { decodeTask, encodeTask } = await import(${JSON.stringify(protocol)});
const read = (headers, options) => {
  const properties = { contentType: 'application/json', headers: { task: 'a', id: '1', ...headers } };
  const decoded = decodeTask({ properties, body: Buffer.from('[[],{},{}]') }, options);
  return decoded.ok ? [decoded.message.eta, decoded.message.expires] : decoded.reason;
};
const at = Date.UTC(2026, 6, 1, 12);
const { message } = decodeTask({
  properties: { contentType: 'application/json', headers: { task: 'a', id: '1' } },
  body: Buffer.from('[[],{},{}]'),
});
const { headers, expiration } = encodeTask({ ...message, eta: at, expires: at + 10_000 }, at).properties;
console.log(JSON.stringify({
  naive: read({ eta: '2026-07-01T12:00:00', expires: '2026-01-01T12:00:00.5' }),
  offset: read({ eta: '2026-07-01T14:00:00+02:00', expires: '2026-07-01T08:00:00-04:00' }),
  inTokyo: read({ eta: '2026-07-01T21:00:00', expires: null }, { timeZone: 'Asia/Tokyo' }),
  inLondon: read({ eta: '2026-07-01T13:00:00', expires: '2026-01-01T12:00:00' }, { timeZone: 'Europe/London' }),
  written: [headers.eta, headers.expires, expiration],
}));
`;

describe('times on the wire', () => {
  for (const zone of ['UTC', 'Asia/Tokyo', 'America/New_York']) {
    it(`are the same on a machine in ${zone} (K17-1)`, async () => {
      const args = ['--input-type=module', '--eval', program];
      const { stdout } = await run(process.execPath, args, { env: { ...process.env, TZ: zone } });
      const noon = Date.UTC(2026, 6, 1, 12);
      const winter = Date.UTC(2026, 0, 1, 12);
      expect(JSON.parse(stdout)).to.deep.equal({
        naive: [noon, winter + 500],
        offset: [noon, noon],
        inTokyo: [noon, null],
        inLondon: [noon, winter],
        written: ['2026-07-01T12:00:00+00:00', '2026-07-01T12:00:10+00:00', '10000'],
      });
    });
  }
});
