/** What `celeriac events` and `celeriac top` print: lines and tables, and nothing that could drive a terminal. */
import type { MonitoringEvent, TaskSeen, WorkerSeen } from '@celeriac/core';
import { expect } from 'chai';

import { EventLines } from '../../dist/commands/events-text.js';
import { taskRows, topLines, type TopView, workerRows } from '../../dist/commands/top-text.js';
import { UsageError } from '../../dist/exit-codes.js';
import { eventTypes } from '../../dist/parse.js';
import type { Line } from '../../dist/screen.js';

const timestamp = Date.UTC(2026, 10, 26, 1) / 1000;
const event = (type: string, fields: object): MonitoringEvent => {
  return { type, hostname: 'w1@h', timestamp, clock: 7, pid: 1, utcoffset: 0, ...fields };
};
const worker: WorkerSeen = {
  ...{ hostname: 'w1@h', isAlive: true, silentMs: 0, pid: 1, active: 2, processed: 40 },
  ...{ loadavg: [0.5], software: 'celeriac 0.1.0' },
};
const task: TaskSeen = {
  ...{ uuid: 'u1', name: 'add', args: '(1,)', kwargs: '{}', state: 'SUCCESS', hostname: 'w1@h' },
  ...{ timestamp: timestamp - 90, clock: 3, runtime: 0.25, result: '5', exception: undefined },
};
const view: TopView = {
  ...{
    workers: [worker],
    tasks: [task],
    counts: new Map([['task-sent', 3]]),
    now: timestamp * 1000,
    queues: undefined,
  },
  answers: [
    { node: 'w1@h', active: [{ id: 'u1', name: 'add', args: '()' }], processed: 40, concurrency: 4 },
    { node: 'w2@h', active: [{ id: 'u2', name: 'sleep', args: '(9,)' }], processed: 1, concurrency: 2 },
  ],
};

const textOf = (all: readonly Line[]): string => all.map(({ text }) => text).join('\n');

describe('celeriac events', () => {
  it('prints an event as one line, with the name of its task also where only an earlier one carries it', () => {
    const lines = new EventLines();
    const first = lines.line(event('task-received', { uuid: 'u1', name: 'add', args: '(2, 3)', eta: null }));
    const second = lines.line(event('task-succeeded', { uuid: 'u1', result: '5', runtime: 0.5 }));

    expect(first).to.equal('2026-11-26T01:00:00.000Z w1@h task-received add[u1] args=(2, 3)');
    expect(second).to.equal('2026-11-26T01:00:00.000Z w1@h task-succeeded add[u1] result=5 runtime=0.5');
  });

  it('leaves out what does not fit into a line, and writes out what could drive a terminal', () => {
    const lines = new EventLines();
    const line = lines.line(
      event('task-failed', { uuid: 'u\u001b[2J', exception: 'x'.repeat(500), traceback: 'T' }),
    );

    expect(line).not.to.include('\u001b').and.not.to.include('traceback');
    expect(line.length).to.be.lessThan(320);
    expect(lines.line({ ...event('worker-online', {}), timestamp: 1e300 })).to.include('worker-online');
  });

  it('takes types and patterns of them, and refuses what is none', () => {
    expect(eventTypes('task-failed, worker-*')).to.deep.equal(['task-failed', 'worker-*']);
    expect(() => eventTypes('task-failed,')).to.throw(UsageError);
  });
});

describe('celeriac top', () => {
  it('shows workers by their events, and those that only answer as such', () => {
    expect(
      workerRows(view).map(({ worker: name, state, active, concurrency }) => [
        name,
        state,
        active,
        concurrency,
      ]),
    ).to.deep.equal([
      ['w1@h', 'online', 2, 4],
      ['w2@h', 'answers', 1, 2],
    ]);
    const silent = { ...view, workers: [{ ...worker, isAlive: false }], answers: [] };
    expect(workerRows(silent)[0]?.state).to.equal('offline');
  });

  it('shows what workers say they run beside what events tell, each task once', () => {
    expect(taskRows(view, 10).map(({ id, state, info }) => [id, state, info])).to.deep.equal([
      ['u2', 'STARTED', '(9,)'],
      ['u1', 'SUCCESS', '5'],
    ]);
    expect(taskRows(view, 1)).to.have.length(1);
  });

  it('prints tables, and says what is missing', () => {
    const text = textOf(topLines(view));
    expect(text).to.match(/w1@h +online +2 +4 +40 +0\.50 +celeriac 0\.1\.0/u);
    expect(text).to.match(/add +SUCCESS +1m 30s +0\.250s +w1@h +u1 +5/u);
    const nothing = textOf(topLines({ ...view, workers: [], tasks: [], answers: [] }));
    expect(nothing).to.include('no workers yet').and.to.include('enable_events');
  });

  it('fills the screen it is given and no more, queues included', () => {
    const tasks = Array.from({ length: 60 }, (_, index) => ({ ...task, uuid: `u${index}` }));
    const report = { queue: 'billing', purpose: 'task', state: 'exists', messages: 3, consumers: 0 } as const;
    const queues = [{ ...report, type: 'quorum' as const, arguments: {} }];
    for (const height of [24, 50]) {
      const shown = topLines({ ...view, tasks, queues }, { width: 80, height });

      expect(shown).to.have.length(height);
      expect(textOf(shown)).to.match(/^billing +task +3 +0 +quorum +nobody consumes it$/mu);
    }
  });
});
