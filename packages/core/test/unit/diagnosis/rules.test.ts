/** What is said of versions, idle connections and clocks. */
import { expect } from 'chai';

import { clockCheck } from '../../../dist/diagnosis/clock-skew.js';
import { failure } from '../../../dist/diagnosis/failure.js';
import { idleCheck } from '../../../dist/diagnosis/idle-limits.js';
import { versionChecks } from '../../../dist/diagnosis/version-traps.js';
import { CeleriacError } from '../../../dist/errors.js';

describe('versions of RabbitMQ', () => {
  const rows: readonly (readonly [version: string | undefined, expected: readonly string[]])[] = [
    ['3.9.29', ['at most once', 'x-consumer-timeout']],
    ['3.10.8', ['no longer maintained', 'x-consumer-timeout']],
    ['3.13.7', ['no longer maintained']],
    ['4.0.1', []],
    ['4.2.0', []],
    ['4.3.7', ['transient queues']],
    ['4.10.0', ['transient queues']],
    [undefined, ['does not say which']],
  ];
  for (const [version, expected] of rows) {
    it(`${version ?? 'unknown'} has ${expected.length === 0 ? 'no trap' : expected.join(', ')}`, () => {
      const found = versionChecks(version).filter(({ state }) => state === 'warning');
      expect(found).to.have.length(expected.length);
      for (const [index, words] of expected.entries()) expect(found[index]?.found).to.contain(words);
    });
  }
});

describe('connections that are idle', () => {
  it('are fine where heartbeats come before any usual limit', () => {
    expect(idleCheck({ of: 'consumers', heartbeat: 15, keepalive: 120 }).state).to.equal('ok');
  });

  it('name the limits that are shorter than their silence', () => {
    const { state, found } = idleCheck({ of: 'consumers', heartbeat: 120, keepalive: 300 });
    expect([state, found]).to.deep.equal([
      'warning',
      'something is sent every 60 s (heartbeat 120 s, keepalive after 300 s): too seldom for HAProxy, as in its examples (50 s), AWS Classic Load Balancer (60 s)',
    ]);
  });

  it('count keepalive where it is shorter, and where heartbeats are off', () => {
    expect(idleCheck({ of: 'consumers', heartbeat: 600, keepalive: 30 }).state).to.equal('ok');
    expect(idleCheck({ of: 'consumers', heartbeat: 0, keepalive: 30 }).found).to.match(
      /^heartbeats are off.* 30 s/u,
    );
  });
});

describe('clocks', () => {
  it('agree within two seconds and what the way may account for', () => {
    expect(clockCheck('c', 1_900, 0).state).to.equal('ok');
    expect(clockCheck('c', -2_400, 500)).to.deep.include({
      state: 'ok',
      found: '2400 ms behind this machine, ± 500 ms',
    });
    expect(clockCheck('c', 2_600, 500)).to.deep.include({
      state: 'warning',
      found: '2600 ms ahead of this machine, ± 500 ms',
    });
  });
});

describe('what was thrown', () => {
  it('is told with its hint as advice, and by what caused it where it has none itself', () => {
    const refused = new CeleriacError('ERR_ACCESS_REFUSED', { message: 'No.', hint: 'Ask again.' });
    const outer = new CeleriacError('ERR_BROKER_UNREACHABLE', { message: 'Nothing.', cause: refused });
    for (const error of [refused, outer])
      expect(failure('broker', error)).to.deep.equal({
        subject: 'broker',
        state: 'failed',
        found: 'No.',
        advice: 'Ask again.',
        code: 'ERR_ACCESS_REFUSED',
      });
  });
});
