/** What Python programs send, case by case, and what becomes of it on a Node worker. */
import { currentTask, defineTask, type TaskContext, type TaskMessage } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedWorker } from '../support/clients.js';
import { pythonSends, requireCelery } from '../support/python.js';

const celery = { tasks: { compatibility: 'celery' as const } };

interface Fixture extends AsyncDisposable {
  readonly vhost: Vhost;
  readonly watched: WatchedWorker;
  readonly calls: readonly (readonly unknown[])[];
  readonly runs: readonly Run[];
  /** What the next runs fail with; they are tried again then. */
  readonly failures: Error[];
}

interface Run {
  readonly startedAt: number;
  readonly message: TaskMessage;
}

/** A worker with the task `interop.record`, and one with a contract. */
async function started(register?: (worker: WatchedWorker['worker']) => void): Promise<Fixture> {
  const vhost = await Vhost.create();
  const watched = new WatchedWorker(configFor(vhost.url, celery));
  const calls: unknown[][] = [];
  const runs: Run[] = [];
  const failures: Error[] = [];
  const run = (...args: unknown[]): void => {
    calls.push(args);
    runs.push({ startedAt: Date.now(), message: (currentTask() as TaskContext).message });
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
  };
  watched.worker.task('interop.record', run, { retry: { backoff: 'fixed', delay: '1s' } });
  register?.(watched.worker);
  await watched.worker.start();
  const close = async (): Promise<void> => {
    await watched[Symbol.asyncDispose]();
    await vhost[Symbol.asyncDispose]();
  };
  return { vhost, watched, calls, runs, failures, [Symbol.asyncDispose]: close };
}

describe('a Node worker', function () {
  before(function () {
    requireRabbit(this);
    requireCelery(this);
  });

  it('runs what delay() sends', async () => {
    await using fixture = await started();
    const [call] = await pythonSends(fixture.vhost.url, 'delay');

    const [settled] = await fixture.watched.untilSettled(1);

    expect(settled).to.include({ id: call!.id, name: 'interop.record' });
    expect(fixture.calls).to.deep.equal([['delayed', { n: 1 }]]);
  });

  it('starts what apply_async(countdown=1) sends at its eta, not before', async () => {
    await using fixture = await started();
    await pythonSends(fixture.vhost.url, 'countdown');

    await fixture.watched.untilSettled(1);

    expect(fixture.calls).to.deep.equal([['later']]);
    const [{ startedAt, message }] = fixture.runs as [Run];
    expect(message.eta).to.be.a('number');
    expect(startedAt).to.be.at.least(message.eta!);
  });

  it('moves what is sent with a longer countdown or eta into the broker, and starts it at its time, not before', async () => {
    await using fixture = await started();
    const calls = await pythonSends(fixture.vhost.url, 'later');

    const settled = await fixture.watched.untilSettled(4);

    expect(settled.slice(0, 2).map(({ verdict }) => verdict.kind)).to.deep.equal(['postpone', 'postpone']);
    expect(fixture.calls).to.deep.equal([['at'], ['later']]);
    expect(fixture.runs.map(({ message }) => message.id).sort()).to.deep.equal(
      calls.map(({ id }) => id).sort(),
    );
    for (const { startedAt, message } of fixture.runs) expect(startedAt - message.eta!).to.be.within(0, 2000);
  });

  it('tries protocol 1 again, as protocol 2', async () => {
    await using fixture = await started();
    fixture.failures.push(new Error('at first'));
    const [call] = await pythonSends(fixture.vhost.url, 'delay', { protocol: 1 });

    const settled = await fixture.watched.untilSettled(2);

    expect(settled.map(({ id, verdict }) => [id, verdict.kind])).to.deep.equal([
      [call!.id, 'retry'],
      [call!.id, 'ack'],
    ]);
    expect(fixture.calls).to.deep.equal([
      ['delayed', { n: 1 }],
      ['delayed', { n: 1 }],
    ]);
    expect(fixture.runs[1]!.message).to.include({ retries: 1, parentId: call!.id });
  });

  it('dead-letters what expired, without running it', async () => {
    await using fixture = await started();
    const [call] = await pythonSends(fixture.vhost.url, 'expired');

    const [settled] = await fixture.watched.untilSettled(1);
    const [letter] = await fixture.vhost.take('celery.dead-letter');

    expect(settled!.outcome.kind).to.equal('expired');
    expect(letter?.properties.headers).to.include({ id: call!.id, 'celeriac-reason': 'expired' });
    expect(fixture.calls).to.be.empty;
  });

  it('dead-letters a task it does not know, with body and headers as Python wrote them', async () => {
    await using fixture = await started();
    const [call] = await pythonSends(fixture.vhost.url, 'unknown');

    await fixture.watched.untilSettled(1);
    const [letter] = await fixture.vhost.take('celery.dead-letter');

    expect(letter?.properties.headers).to.include({
      id: call!.id,
      task: 'interop.nobody_has_this',
      lang: 'py',
      argsrepr: '[1]',
      'celeriac-queue': 'celery',
      'celeriac-error-type': 'ERR_TASK_UNKNOWN',
    });
    expect(JSON.parse(letter!.content.toString())).to.deep.include([1]);
  });

  it('runs protocol 1', async () => {
    await using fixture = await started();
    const [call] = await pythonSends(fixture.vhost.url, 'delay', { protocol: 1 });

    const [settled] = await fixture.watched.untilSettled(1);

    expect(settled).to.include({ id: call!.id, name: 'interop.record' });
    expect(fixture.calls).to.deep.equal([['delayed', { n: 1 }]]);
  });

  it("inflates kombu's gzip compression", async () => {
    await using fixture = await started();
    const [call] = await pythonSends(fixture.vhost.url, 'gzip');

    await fixture.watched.untilSettled(1);

    expect(fixture.calls).to.deep.equal([call!.args]);
  });

  it('binds positional and keyword arguments to the properties of a contract, and refuses what does not fit', async () => {
    const inputs: unknown[] = [];
    const contract = defineTask({
      name: 'interop.contract',
      input: {
        type: 'object',
        properties: { account: { type: 'string' }, amount: { type: 'integer', minimum: 1 } },
        required: ['account', 'amount'],
        additionalProperties: false,
      },
    });
    await using fixture = await started((worker) =>
      worker.task(contract, (input) => void inputs.push(input)),
    );
    await pythonSends(fixture.vhost.url, 'contract');

    const settled = await fixture.watched.untilSettled(4);
    const letters = await fixture.vhost.take('celery.dead-letter');

    expect(inputs).to.have.deep.members([
      { account: 'a-1', amount: 5 },
      { account: 'a-2', amount: 6 },
      { account: 'a-3', amount: 7 },
    ]);
    expect(settled.filter(({ outcome }) => outcome.kind === 'invalid')).to.have.length(1);
    expect(letters.map(({ properties }) => String(properties.headers?.['celeriac-error']))).to.match(
      /amount: must be >= 1/u,
    );
  });
});
