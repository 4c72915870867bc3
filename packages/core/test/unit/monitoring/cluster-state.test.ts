/** What events add up to: workers that live, tasks and how far they are, and how much of it is kept. */
import { expect } from 'chai';

import { ClusterState } from '../../../dist/monitoring/cluster-state.js';
import type { MonitoringEvent } from '../../../dist/protocol/monitoring-events.js';
import { ManualClock } from '../../support/manual-clock.js';
import { capturedEvents } from '../protocol/captures.js';

function event(type: string, fields: Record<string, unknown> = {}): MonitoringEvent {
  return { type, hostname: 'w1', timestamp: 1, clock: 1, ...fields };
}

describe('the state of a cluster', () => {
  it('adds the captured events of Celery up to the ends that its tasks came to', () => {
    const state = new ClusterState(new ManualClock());
    for (const { body } of capturedEvents('5.6.3')) for (const one of [body].flat()) state.hear(one);

    const states = state.tasks().map(({ name, state: stage }) => `${name} ${stage}`);
    expect(states).to.include.members([
      'tasks.add SUCCESS',
      'tasks.fail FAILURE',
      'tasks.retry SUCCESS',
      'tasks.nope FAILURE',
      'tasks.sleep REVOKED',
    ]);
    expect(state.tasks().find(({ name }) => name === 'tasks.fail')?.exception).to.equal(
      "ValueError('boom', 42)",
    );
    expect(state.workers().map(({ hostname }) => hostname)).to.deep.equal(['worker1@host']);
  });

  it('takes a worker for alive for twice its heartbeat, and no longer once it has said goodbye', async () => {
    const clock = new ManualClock();
    const state = new ClusterState(clock);
    const isAlive = (): boolean | undefined => state.workers()[0]?.isAlive;

    state.hear(event('worker-heartbeat', { freq: 2, active: 3, processed: 9, sw_ident: 'x', sw_ver: '1' }));
    await clock.advance(3999);
    expect(isAlive()).to.equal(true);
    await clock.advance(1);
    expect(isAlive()).to.equal(false);
    state.hear(event('worker-heartbeat', { freq: 5 }));
    expect(state.workers()[0]).to.include({ isAlive: true, active: 3, processed: 9, software: 'x 1' });
    state.hear(event('worker-offline', { freq: 2 }));
    expect(isAlive()).to.equal(false);
  });

  it('lets no late event undo a later state, but has a retried task begin anew', () => {
    const state = new ClusterState(new ManualClock());
    const stage = (): string | undefined => state.task('t')?.state;
    const hear = (type: string, fields: object = {}): void =>
      state.hear(event(type, { uuid: 't', ...fields }));

    hear('task-succeeded', { result: '5' });
    hear('task-started');
    hear('task-received', { name: 'add', args: '(1,)' });
    hear('task-sent', { hostname: 'gen1@h' });
    expect(state.task('t')).to.include({
      state: 'SUCCESS',
      name: 'add',
      args: '(1,)',
      result: '5',
      hostname: 'w1',
    });

    hear('task-retried');
    expect(stage()).to.equal('RETRY');
    hear('task-received');
    hear('task-started');
    expect(stage()).to.equal('STARTED');
    hear('task-rejected');
    expect(stage()).to.equal('REJECTED');
  });

  it('forgets the tasks and workers that were silent longest, and survives nonsense', () => {
    const state = new ClusterState(new ManualClock(), { tasks: 3, workers: 2 });
    for (const uuid of ['a', 'b', 'a', 'c', 'd']) state.hear(event('task-received', { uuid }));
    for (const hostname of ['w1', 'w2', 'w1', 'w3']) state.hear(event('worker-online', { hostname }));
    state.hear(event('task-received', { uuid: 7 }));
    state.hear(
      event('worker-online', { hostname: 'w3', freq: 'x', active: -1, loadavg: ['y', 1], sw_ident: {} }),
    );

    expect(state.tasks().map(({ uuid }) => uuid)).to.have.members(['a', 'c', 'd']);
    expect(state.workers().map(({ hostname }) => hostname)).to.deep.equal(['w1', 'w3']);
    expect(state.workers()[1]).to.deep.include({ active: undefined, loadavg: [1], software: undefined });
  });
});
