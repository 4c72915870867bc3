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
  const run = (which: Verdict, delivery = bench.delivery()): Promise<Verdict> =>
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
      const done = await run(which);
      expect(bench.calls).to.deep.equal(calls);
      expect(done).to.deep.equal(which);
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
    expect(await done).to.deep.equal({ kind: 'abandon' });
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

  describe('of a retry', () => {
    const retry: Verdict = { kind: 'retry', delayMs: 3000, attempt: 2, of: 4, error: new Error('boom') };

    it('acks only after the copy is confirmed', async () => {
      let confirm: () => void = () => undefined;
      bench.publish = () => new Promise((resolve) => (confirm = resolve));
      const done = run(retry);
      await settled();
      expect(bench.calls).to.deep.equal(['publish']);
      confirm();
      await done;
      expect(bench.calls).to.deep.equal(['publish', 'ack']);
      expect(bench.letters[0]?.routingKey).to.match(/0\.1\.1\.celery$/u);
      expect(bench.letters[0]?.properties.headers).to.include({ retries: 2 });
    });

    it('holds the message while publishing fails, and lets it wait only for the rest', async () => {
      let failures = 6;
      bench.publish = () => (failures-- > 0 ? Promise.reject(new Error('full')) : Promise.resolve());
      const done = run(retry);
      await settled();
      await bench.clock.advance(60_000);
      await done;
      expect(bench.calls.filter((call) => call !== 'forget').slice(-2)).to.deep.equal(['publish', 'ack']);
      const ways = bench.letters.map(({ exchange }) => exchange);
      expect(ways[0]).to.equal('celery_delayed_1');
      expect(ways.at(-1)).to.equal(''); // its time has come meanwhile
      const etas = new Set(bench.letters.map(({ properties }) => properties.headers?.eta));
      expect(etas.size).to.equal(1);
    });

    it('becomes a dead letter when its copy cannot be written', async () => {
      const unwritable = new CeleriacError('ERR_NOT_SERIALIZABLE', { message: 'headers.x is a function' });
      let failures = 1;
      bench.publish = () => (failures-- > 0 ? Promise.reject(unwritable) : Promise.resolve());
      const done = run(retry);
      await settled();
      await bench.clock.advance(1000);
      expect(await done).to.include({ kind: 'deadLetter' });
      expect(bench.letters.map(({ routingKey }) => routingKey.slice(-11))).to.deep.equal([
        '.1.1.celery',
        'dead-letter',
      ]);
      expect(bench.calls.at(-1)).to.equal('ack');
    });
  });

  describe('of a message that came too early', () => {
    const postpone = (ms: number): Verdict => ({ kind: 'postpone', until: bench.clock.now() + ms });

    it('acks only after it is confirmed in the delay queues, as it came', async () => {
      let confirm: () => void = () => undefined;
      bench.publish = () => new Promise((resolve) => (confirm = resolve));
      const delivery = bench.delivery();
      const done = run(postpone(60_000), delivery);
      await settled();
      expect(bench.calls).to.deep.equal(['publish']);
      confirm();
      await done;
      expect(bench.calls).to.deep.equal(['publish', 'ack']);
      expect(bench.letters[0]?.body).to.equal(delivery.body);
      expect(bench.letters[0]?.properties.headers).to.deep.equal({ task: 'a' });
    });

    it('goes back to its queue when its time comes while it is held', async () => {
      bench.publish = () => Promise.reject(new Error('full'));
      const done = run(postpone(2000));
      await settled();
      await bench.clock.advance(60_000);
      expect(await done).to.include({ kind: 'requeue' });
      expect(bench.calls.at(-1)).to.equal('requeue');
      expect(bench.calls).not.to.include('ack');
    });
  });

  describe('of a message that a limit holds back', () => {
    const defer = (ms: number): Verdict => ({
      kind: 'postpone',
      until: bench.clock.now() + ms,
      isDeferred: true,
    });

    it('counts that on the copy', async () => {
      await run(defer(60_000));
      expect(bench.calls).to.deep.equal(['publish', 'ack']);
      expect(bench.letters[0]?.properties.headers).to.deep.equal({ task: 'a', 'celeriac-deferrals': 1 });
    });

    it('takes its count of deliveries along: what ends its worker would be counted anew for ever', async () => {
      const delivery = bench.delivery();
      Object.assign(delivery.properties, { headers: { task: 'a', 'x-delivery-count': 3 } });
      await run(defer(60_000), delivery);
      expect(bench.letters[0]?.properties.headers).to.deep.equal({
        task: 'a',
        'celeriac-deferrals': 1,
        'celeriac-deliveries': 3,
      });
    });

    it('never goes straight back to its queue, also when its time comes while it is held', async () => {
      let failures = 1;
      bench.publish = () => (failures-- > 0 ? Promise.reject(new Error('full')) : Promise.resolve());
      const done = run(defer(1));
      await settled();
      await bench.clock.advance(60_000);
      expect(await done).to.include({ kind: 'postpone' });
      expect(bench.calls.at(-1)).to.equal('ack');
      expect(bench.letters.at(-1)?.exchange).to.equal('celery_delayed_0');
    });
  });

  it('drops the original headers when they cannot be written, but what it takes to run it, and keeps the body', async () => {
    let failures = 1;
    const unwritable = new CeleriacError('ERR_NOT_SERIALIZABLE', { message: 'headers.x is a function' });
    bench.publish = () => (failures-- > 0 ? Promise.reject(unwritable) : Promise.resolve());
    const delivery = bench.delivery();
    Object.assign(delivery.properties, { headers: { task: 'a', own: 1 } });
    const done = run(verdict, delivery);
    await settled();
    await bench.clock.advance(1000);
    await done;
    const [first, second] = bench.letters;
    expect(first?.properties.headers).to.have.property('own', 1);
    expect(second?.properties.headers).not.to.have.property('own');
    expect(second?.properties.headers).to.have.property('task', 'a');
    expect(second?.properties.headers).to.have.property(deadLetterHeaders.headersDropped, true);
    expect(second?.body.toString()).to.equal('[]');
  });
});
