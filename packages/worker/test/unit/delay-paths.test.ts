/** That a worker declares what delays need ahead, again after a new subscription, and never fails by it. */
import { EventEmitter } from 'node:events';

import { type ConsumerEvents, silentLogger } from '@celeriac/core';
import { expect } from 'chai';

import { keepDelayPaths } from '../../dist/delay-paths.js';
import { settled } from '../../../core/dist-test/support/manual-clock.js';

describe('keepDelayPaths', () => {
  function watched(ahead: boolean, ensure: () => Promise<void> | undefined = () => undefined) {
    const calls: string[] = [];
    const warnings: string[] = [];
    const events = new EventEmitter<ConsumerEvents>();
    const stopping = new AbortController();
    keepDelayPaths({
      consumers: [{ queue: 'q', events }],
      delays: {
        ensure: (queue) => {
          calls.push(`ensure ${queue}`);
          return ensure();
        },
        forgetBinding: (queue) => void calls.push(`forget ${queue}`),
      },
      ahead,
      logger: { ...silentLogger, warn: (message) => void warnings.push(message) },
      stopping: stopping.signal,
    });
    return { calls, warnings, events, stopping };
  }

  it('declares at once, and again when the queue is subscribed to again', () => {
    const { calls, events } = watched(true);
    expect(calls).to.deep.equal(['ensure q']);
    events.emit('subscribed');
    expect(calls).to.deep.equal(['ensure q', 'forget q', 'ensure q']);
  });

  it('declares nothing ahead where it is not wanted, and forgets a lost binding all the same', () => {
    const { calls, events } = watched(false);
    events.emit('subscribed');
    expect(calls).to.deep.equal(['forget q']);
  });

  it('warns when it fails, but not while the worker stops', async () => {
    const fail = () => Promise.reject(new Error('refused'));
    const { warnings } = watched(true, fail);
    await settled();
    expect(warnings).to.have.length(1);

    const { warnings: none, stopping } = watched(true, fail);
    stopping.abort();
    await settled();
    expect(none).to.deep.equal([]);
  });
});
