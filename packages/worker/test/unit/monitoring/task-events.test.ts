/** From what becomes of a task to the events that monitors are told. */
import { CeleriacError, type Outcome, Reject, Retry, type TaskMessage, type Verdict } from '@celeriac/core';
import { expect } from 'chai';

import { ManualClock } from '../../../../core/dist-test/support/manual-clock.js';
import { EventDispatcher } from '../../../dist/monitoring/event-dispatcher.js';
import { TaskEvents } from '../../../dist/monitoring/task-events.js';
import { FakeDelivery } from '../../support/fakes.js';

const message: TaskMessage = {
  ...{ kind: 'task', id: 't1', task: 'add', args: [2, 3], kwargs: {}, retries: 0, timeLimit: {} },
  ...{ rootId: 't1', headers: {} },
  embed: { callbacks: null, errbacks: null, chain: null, chord: null },
};
const error = new Error('boom');
const deadLetter = (reason: string): Verdict => ({ kind: 'deadLetter', reason, error }) as Verdict;
const failed: Outcome = { kind: 'failed', error };
const aborted: Outcome = { kind: 'aborted', error, by: 'shutdown' };
const checkpointed: Outcome = { kind: 'checkpointed', state: '1', delayMs: 0 };
const giveBack: Verdict = { kind: 'requeue', countsAsFailure: false };

type Told = [type: string, fields: Record<string, unknown>];

describe('task events', () => {
  const clock = new ManualClock();
  const told: Told[] = [];
  const dispatcher = { tellOfTask: (type: string, fields: object) => void told.push([type, { ...fields }]) };
  let events: TaskEvents;

  beforeEach(() => {
    told.length = 0;
    events = new TaskEvents(dispatcher, { clock, isEnabled: true });
  });

  function ended(outcome: Outcome, verdict: Verdict, more: object = {}): Told | undefined {
    events.ended({ message, ...more }, new FakeDelivery(), { outcome, verdict });
    return told.at(-1);
  }

  it('tell of a task from its receipt to its result, with how long it took', async () => {
    const delivery = new FakeDelivery();
    events.received({ message }, delivery);
    events.started({ message }, delivery);
    await clock.advance(1500);
    events.ended({ message }, delivery, {
      outcome: { kind: 'succeeded', value: { a: 'b' } },
      verdict: { kind: 'ack' },
    });

    expect(told.map(([type]) => type)).to.deep.equal(['task-received', 'task-started', 'task-succeeded']);
    expect(told[0]?.[1]).to.include({ uuid: 't1', name: 'add', args: '(2, 3)' });
    expect(told[2]?.[1]).to.deep.equal({ uuid: 't1', result: "{'a': 'b'}", runtime: 1.5 });
  });

  const endings: readonly [what: string, Outcome, Verdict, type: string | undefined, fields?: object][] = [
    ['failed', failed, deadLetter('failed'), 'task-failed', { exception: "Exception('boom')" }],
    ['crashed', { kind: 'crashed', error, crashes: 3, of: 3 }, deadLetter('crashed'), 'task-failed'],
    ['invalid', { kind: 'invalid', error } as never, deadLetter('invalid'), 'task-failed'],
    ['rejected', failed, deadLetter('rejected'), 'task-rejected', { requeue: false }],
    [
      'rejected and put back',
      { kind: 'failed', error: new Reject('no', { requeue: true }) },
      { kind: 'requeue', countsAsFailure: true },
      'task-rejected',
      { requeue: true },
    ],
    [
      'expired',
      { kind: 'expired', error } as never,
      deadLetter('expired'),
      'task-revoked',
      { expired: true },
    ],
    [
      'revoked before it ran',
      { kind: 'revoked', error, terminated: false },
      { kind: 'ack' },
      'task-revoked',
      { terminated: false, signum: null, expired: false },
    ],
    [
      'told to stop',
      { kind: 'revoked', error, terminated: true },
      { kind: 'ack' },
      'task-revoked',
      { terminated: true },
    ],
    ['tried again', failed, { kind: 'retry', delayMs: 1, attempt: 1, of: 2, error }, 'task-retried'],
    ['interrupted by a shutdown', aborted, giveBack, 'task-cancelled'],
    ['interrupted by a lost connection', { ...aborted, by: 'lost' }, { kind: 'abandon' }, 'task-cancelled'],
    ['not started', { kind: 'notStarted' }, giveBack, undefined],
    ['not due yet', { kind: 'tooEarly', eta: 1 }, { kind: 'postpone', until: 1 }, undefined],
    [
      'put off by a limit',
      { kind: 'deferred', until: 1, because: 'x' },
      { kind: 'postpone', until: 1 },
      undefined,
    ],
    ['to go on from a checkpoint', checkpointed, { kind: 'continue', state: '1', delayMs: 0 }, undefined],
    ['not run, as it had run before', { kind: 'repeated', because: 'done' }, { kind: 'ack' }, undefined],
    [
      'replaced by a later one',
      { kind: 'superseded' },
      { kind: 'ack' },
      'task-revoked',
      { terminated: false },
    ],
    ['not trusted', { kind: 'untrusted', error, problem: 'unsigned' }, deadLetter('signature'), undefined],
    ['done, and not kept', { kind: 'succeeded', value: 1 }, giveBack, undefined],
  ];
  for (const [what, outcome, verdict, type, fields = {}] of endings) {
    it(`tell ${type ?? 'nothing'} of a task that is ${what}`, () => {
      const last = ended(outcome, verdict);

      expect(last?.[0]).to.equal(type);
      if (last !== undefined) expect(last[1]).to.include({ uuid: 't1', ...fields });
    });
  }

  it('show neither arguments nor result of a sensitive task', () => {
    events.received({ message, isSensitive: true }, new FakeDelivery());
    ended({ kind: 'succeeded', value: 'secret' }, { kind: 'ack' }, { isSensitive: true });

    expect(told[0]?.[1]).to.include({ args: '(...)', kwargs: '{...}' });
    expect(told[1]?.[1]).to.include({ result: '...' });
  });

  it('are not made where they are switched off, nor of what is no task', () => {
    events.isEnabled = false;
    events.received({ message }, new FakeDelivery());
    events.started({ message }, new FakeDelivery());
    ended({ kind: 'succeeded', value: 1 }, { kind: 'ack' });
    events.isEnabled = true;
    events.received({}, new FakeDelivery());
    events.ended({}, new FakeDelivery(), { outcome: failed, verdict: deadLetter('malformed') });

    expect(told).to.deep.equal([]);
  });

  it('name what went wrong where the handler asks for another attempt', () => {
    const asked = new Retry({ reason: 'later', cause: error });
    const verdict: Verdict = { kind: 'retry', delayMs: 1, attempt: 1, of: 2, error: asked };

    expect(ended({ kind: 'failed', error: asked }, verdict)?.[1]).to.include({
      exception: "Exception('boom')",
    });
  });

  it('tell of a task whose body could not be fetched, by the id that is known of it', () => {
    const subject = { message: undefined, tried: { id: 't2' } };
    const unfetched: Outcome = { kind: 'unfetched', error };
    ended(unfetched, { kind: 'retry', delayMs: 1, attempt: 1, of: 2, error }, subject);
    ended(unfetched, deadLetter('payload'), subject);

    expect(told.map(([type]) => type)).to.deep.equal(['task-retried', 'task-failed']);
    expect(told.map(([, fields]) => fields.uuid)).to.deep.equal(['t2', 't2']);
  });

  it('say what a failure was that has a code of ours as Celery calls it', () => {
    const unknown = new CeleriacError('ERR_TASK_UNKNOWN', { message: 'no', values: { task: 'nope' } });
    const verdict = { kind: 'deadLetter', reason: 'unknown', error: unknown } as Verdict;

    expect(ended({ kind: 'unknown', error: unknown }, verdict)?.[1]).to.include({
      exception: "NotRegistered('nope')",
    });
  });
});

describe('the event dispatcher', () => {
  interface Sent {
    readonly routingKey: string;
    readonly body: Buffer;
  }
  let clock = 0;
  let sent: Sent[] = [];
  const dispatcher = new EventDispatcher({
    exchange: 'celeryev',
    sink: { publish: (one) => void sent.push(one) },
    source: { hostname: 'w', pid: 1, forward: () => ++clock, now: () => 1000 },
  });
  const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
  const clocks = ({ body }: Sent): readonly number[] =>
    [JSON.parse(body.toString()) as { clock: number } | { clock: number }[]]
      .flat()
      .map((event) => event.clock);

  beforeEach(() => {
    clock = 0;
    sent = [];
  });

  it('tells task events of one turn together, 24 at most', async () => {
    for (let index = 0; index < 30; index++) dispatcher.tellOfTask('task-started', { uuid: String(index) });
    expect(sent.map(clocks).map(({ length }) => length)).to.deep.equal([24]);
    await turn();

    expect(sent.map(clocks).map(({ length }) => length)).to.deep.equal([24, 6]);
    expect(sent.every(({ routingKey }) => routingKey === 'task.multi')).to.equal(true);
  });

  it('tells of the worker at once, and after the task events that came before', () => {
    dispatcher.tellOfTask('task-started', { uuid: '1' });
    dispatcher.tell('worker-offline', {});

    expect(sent.map(({ routingKey }) => routingKey)).to.deep.equal(['task.multi', 'worker.offline']);
    expect(sent.flatMap(clocks)).to.deep.equal([1, 2]);
  });
});
