/** That a message is acknowledged only once its dead letter is confirmed. No broker: see test/support/fakes. */
import { CeleriacError, deadLetterHeaders, type Verdict } from '@celeriac/core';
import { expect } from 'chai';

import { settle } from '../../dist/settle.js';
import { Bench } from '../support/fakes.js';
import { settled } from '../../../core/dist-test/support/manual-clock.js';

const verdict: Verdict = { kind: 'deadLetter', reason: 'failed', error: new Error('boom') };

describe('settle', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  const run = (which: Verdict, delivery = bench.delivery()): Promise<void> =>
    settle(
      which,
      delivery,
      bench.parts(() => expect.fail('settle prepares nothing')),
    );

  const simple: readonly [Verdict, string[]][] = [
    [{ kind: 'ack' }, ['ack']],
    [{ kind: 'requeue', countsAsFailure: false }, ['requeue']],
    [{ kind: 'requeue', countsAsFailure: true }, ['requeue as failure']],
    [{ kind: 'abandon' }, []],
  ];
  for (const [which, calls] of simple) {
    it(`answers ${JSON.stringify(which)} with [${calls.join()}] and nothing else`, async () => {
      await run(which);
      expect(bench.calls).to.deep.equal(calls);
    });
  }

  it('acks only after the dead letter is confirmed', async () => {
    let confirm: () => void = () => undefined;
    bench.publish = () => new Promise((resolve) => (confirm = resolve));
    const done = run(verdict);
    await settled();
    expect(bench.calls).to.deep.equal(['publish']);
    confirm();
    await done;
    expect(bench.calls).to.deep.equal(['publish', 'ack']);
  });

  it('holds the message while publishing fails, tries again after a pause, then acks', async () => {
    let failures = 2;
    bench.publish = () => (failures-- > 0 ? Promise.reject(new Error('full')) : Promise.resolve());
    const done = run(verdict);
    await settled();
    expect(bench.calls).to.deep.equal(['publish', 'forget']);
    await bench.clock.advance(60_000);
    await done;
    expect(bench.calls).to.deep.equal(['publish', 'forget', 'publish', 'forget', 'publish', 'ack']);
    expect(bench.clock.slept).to.deep.equal([150, 300]);
  });

  it('never waits longer than ten seconds between tries', async () => {
    let failures = 12;
    bench.publish = () => (failures-- > 0 ? Promise.reject(new Error('full')) : Promise.resolve());
    const done = run(verdict);
    await settled();
    await bench.clock.advance(600_000);
    await done;
    expect(Math.max(...bench.clock.slept)).to.be.within(5000, 10_000);
  });

  it('gives up without an ack when the worker halts', async () => {
    bench.publish = () => Promise.reject(new Error('full'));
    const done = run(verdict);
    await settled();
    bench.halted.abort();
    await done;
    expect(bench.calls).to.deep.equal(['publish', 'forget']);
  });

  it('abandons a delivery whose channel is lost while it waits', async () => {
    bench.publish = () => Promise.reject(new Error('full'));
    const delivery = bench.delivery();
    const done = run(verdict, delivery);
    await settled();
    delivery.lose();
    await bench.clock.advance(1000);
    await done;
    expect(bench.calls).to.deep.equal(['publish', 'forget']);
  });

  it('drops the original headers when they cannot be written, and keeps the body', async () => {
    let failures = 1;
    const unwritable = new CeleriacError('ERR_NOT_SERIALIZABLE', { message: 'headers.x is a function' });
    bench.publish = () => (failures-- > 0 ? Promise.reject(unwritable) : Promise.resolve());
    const done = run(verdict);
    await settled();
    await bench.clock.advance(1000);
    await done;
    const [first, second] = bench.letters;
    expect(first?.properties.headers).to.have.property('task', 'a');
    expect(second?.properties.headers).not.to.have.property('task');
    expect(second?.properties.headers).to.have.property(deadLetterHeaders.headersDropped, true);
    expect(second?.body.toString()).to.equal('[]');
  });
});
