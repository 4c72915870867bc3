/** Celery's remote control over the embedded broker: what workers say of themselves, and what they can be told. */
import { writeFile } from 'node:fs/promises';

import { type DevBroker, startBroker } from '@celeriac/dev-broker';
import { expect } from 'chai';

import { pythonCalls, PythonWorker, requireCelery } from '../support/python.js';
import { waitFor } from '../support/wait-for.js';

const host = 'one@test';
const options = ['--pool=prefork', '--concurrency=2', '-n', host];
const anHour = 3600;

interface Note {
  readonly id: string;
  readonly label: string;
}
/** Of the answers of `inspect`: what the tests look at. */
interface Answers {
  readonly ping: unknown;
  readonly active: readonly { readonly id: string }[];
  readonly scheduled: readonly { readonly request: { readonly id: string } }[];
  readonly registered: readonly string[];
  readonly stats: { readonly total: Record<string, number>; readonly broker: Record<string, unknown> };
  readonly active_queues: readonly { readonly name: string }[];
}

describe("Celery's remote control over the embedded broker", () => {
  let broker: DevBroker;
  let worker: PythonWorker;

  before(function () {
    requireCelery(this);
  });

  beforeEach(async () => {
    broker = await startBroker();
    worker = await PythonWorker.start(broker.url, { app: 'canvas_app', options });
  });

  afterEach(async () => {
    await worker[Symbol.asyncDispose]();
    await broker.stop();
  });

  const call = <T>(...args: [string, ...unknown[]]): Promise<T> => pythonCalls<T>(broker.url, args);
  async function inspect<Name extends keyof Answers>(...names: Name[]): Promise<Pick<Answers, Name>> {
    const questions = Object.fromEntries(names.map((name) => [name, []]));
    return call<Pick<Answers, Name>>('inspect', questions, host);
  }
  const command = (name: string, args: readonly unknown[], more: object = {}): Promise<unknown> =>
    call('control', name, args, { ...more, reply: true, destination: [host], timeout: 60 });

  it('answers what it runs, holds back, knows and has done', async () => {
    const running = await call<string>('send', 'canvas.hold', [worker.path('go')]);
    const waiting = await call<string>('send', 'canvas.began', [], { countdown: anHour });
    await worker.untilRecorded(1);
    await call('call', 'canvas.add', [1, 2]); // has come after the two

    const answers = await inspect('ping', 'active', 'scheduled', 'registered', 'stats');

    expect(answers.ping).to.deep.equal({ ok: 'pong' });
    expect(answers.active.map(({ id }) => id)).to.deep.equal([running]);
    expect(answers.scheduled.map(({ request }) => request.id)).to.deep.equal([waiting]);
    expect(answers.registered).to.include.members(['canvas.add', 'canvas.hold', 'canvas.flaky']);
    expect(answers.stats.total).to.include({ 'canvas.hold': 1, 'canvas.add': 1 });
    expect(answers.stats.broker).to.include({ transport: 'amqp', port: Number(new URL(broker.url).port) });
    await writeFile(worker.path('go'), '');
  });

  it('limits the rate of a task, and of no other', async () => {
    const [reply] = (await command('rate_limit', ['canvas.mark', '1/h'])) as [unknown];
    await call('send', 'canvas.mark', ['first']);
    await call('send', 'canvas.mark', ['second']);
    const { value } = await call<{ value: unknown }>('call', 'canvas.add', [1, 2]);

    const notes = await worker.untilRecorded<Note>(1);
    expect(reply).to.deep.equal({ [host]: { ok: 'new rate limit set successfully' } });
    expect(value).to.equal(3);
    expect(notes.map(({ label }) => label)).to.deep.equal(['first']);
  });

  it('skips a task that was revoked before it came', async () => {
    const id = '00000000-0000-4000-8000-00000000e0e1';
    await command('revoke', [id]);

    const revoked = await call<Record<string, unknown>>('call', 'canvas.mark', ['never'], { task_id: id });
    await call('call', 'canvas.mark', ['after']);

    expect(revoked).to.include({ id, state: 'REVOKED' });
    const notes = await worker.records<Note>();
    expect(notes.map(({ label }) => label)).to.deep.equal(['after']);
  });

  it('ends a running task that is revoked with terminate', async () => {
    const ended = call<Record<string, unknown>>('call', 'canvas.hold', [worker.path('never')]);
    const [{ id }] = (await worker.untilRecorded<Note>(1)) as [Note];
    await command('revoke', [id], { terminate: true });

    expect(await ended).to.include({ id, state: 'REVOKED', value: "TaskRevokedError('terminated')" });
    expect((await inspect('active')).active).to.deep.equal([]);
  });

  it('consumes another queue when told to, and no longer when told so', async () => {
    await command('add_consumer', ['extra']);
    const { value } = await call<{ value: unknown }>('call', 'canvas.add', [1, 2], { queue: 'extra' });
    const { active_queues: with_ } = await inspect('active_queues');
    await command('cancel_consumer', ['extra']);
    const { active_queues: without } = await inspect('active_queues');

    expect(value).to.equal(3);
    expect(with_.map(({ name }) => name)).to.have.members(['celery', 'extra']);
    expect(without.map(({ name }) => name)).to.deep.equal(['celery']);
    expect(broker.consumers('/').map(({ queue }) => queue)).to.not.include('extra');
  });

  it('ends a worker, and with it every connection and every queue that was its own', async () => {
    await call('control', 'shutdown', []);

    expect(await worker.exited).to.equal(0);
    // The broker may hear of the end a moment after this process did.
    const queues = await waitFor(() => broker.consumers('/').length === 0 && broker.queues('/'));
    expect(queues.map(({ name }) => name)).to.deep.equal(['celery']);
  });
});
