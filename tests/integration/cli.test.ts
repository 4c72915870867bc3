/** The `celeriac` command against a broker: what it consumes, sends and registers, its exit codes, and no password. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

import { requireRabbit, sharedRabbit, Vhost } from '../support/broker.js';
import { type Running, start } from '../support/processes.js';
import { waitFor } from '../support/wait-for.js';

const main = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));
const canary = 'canary-5ecret';

/** Registers tasks and an application, and leaves a timer behind. */
const handlers = `
setInterval(() => undefined, 1000);
export function register(worker) {
  worker.task('echo', (...args) => console.log('ECHO ' + JSON.stringify(args)));
  worker.application('billing').on('core.limeobject.deal.*.v1', (event) => console.log('EVENT ' + event.objectId));
}
`;

const config = `
service: shop
tasks: {queue_type: classic}
events: {queue_type: classic}
task_handler: {queues: [a, b, c]}
`;

interface Ended {
  readonly code: number | string;
  readonly output: string;
}

describe('the celeriac command with a broker', function () {
  let directory = '';

  before(async function () {
    requireRabbit(this);
    directory = await mkdtemp(join(tmpdir(), 'celeriac-cli-'));
    await writeFile(join(directory, 'handlers.mjs'), handlers);
    await writeFile(join(directory, 'celeriac.yaml'), config);
  });

  after(async () => {
    if (directory !== '') await rm(directory, { recursive: true, force: true });
  });

  function celeriac(url: string, ...args: string[]): Running {
    const env = { PATH: process.env.PATH, CELERIAC_EVENTS__CONNECTION_STRING: url };
    return start(process.execPath, [main, ...args], { cwd: directory, env });
  }

  async function ended(url: string, ...args: string[]): Promise<Ended> {
    const running = celeriac(url, ...args);
    const code = await running.exited;
    return { code, output: running.output() };
  }

  const worker = ['worker', '--require', './handlers.mjs'];

  it('worker -Q consumes that queue only, says so, and ends with 0 although a module left a timer', async () => {
    await using vhost = await Vhost.create();
    const running = celeriac(vhost.url, ...worker, '-Q', 'b', '-c', '3', '--log-format', 'text');
    await running.line(/^ready, press Ctrl-C/u);

    expect(running.output()).to.match(/^ {2}queues +b \(concurrency 3\)$/mu);
    expect(running.output()).to.match(/^ {2}tasks +echo$/mu);
    expect(running.output()).to.match(
      /applications +billing ← core\.limeobject\.deal\.\*\.v1 \(queue \S*billing/u,
    );
    expect(running.output()).to.include('celeriac ').and.to.include('· shop').and.not.to.include(':guest@');
    expect(await vhost.consumers('b')).to.equal(1);
    for (const queue of ['a', 'c']) expect(await exists(vhost, queue)).to.equal(false);

    const sent = await ended(vhost.url, 'send', 'echo', '--args', '[7, "x"]', '--queue', 'b', '--id', 'id-1');
    expect(sent).to.deep.equal({ code: 0, output: 'id-1\n' });
    await running.line(/^ECHO \[7,"x"\]$/u);

    const object = [
      '--object',
      'deal',
      '--action',
      'update',
      '--object-id',
      '7',
      '--values',
      '{"stage": "won"}',
    ];
    const published = await ended(vhost.url, 'publish-event', ...object);
    expect(published.code).to.equal(0);
    await running.line(/^EVENT 7$/u);

    running.kill('SIGTERM');
    expect(await running.exited).to.equal(0);
  });

  it('worker --pool runs the tasks of its modules in child processes, and ends them with itself', async () => {
    await using vhost = await Vhost.create();
    const options = ['-Q', 'b', '--pool', 'processes', '-c', '1', '--time-limit', '1m'];
    const running = celeriac(
      vhost.url,
      ...worker,
      ...options,
      '--log-level',
      'debug',
      '--log-format',
      'text',
    );
    await running.line(/^ready, press Ctrl-C/u);
    expect(running.output()).to.match(/^ {2}queues +b \(processes, concurrency 1\)$/mu);

    await ended(vhost.url, 'send', 'echo', '--args', '[1]', '--queue', 'b');
    await running.line(/^ECHO \[1\]$/u);
    const pid = Number(/child started .*child=(\d+)/u.exec(running.output())?.[1]);
    expect(pid).to.be.above(0).and.not.equal(running.pid);

    running.kill('SIGTERM');
    expect(await running.exited).to.equal(0);
    expect(() => process.kill(pid, 0)).to.throw(/ESRCH/u);
  });

  it('worker -Q declares a queue nobody has named before', async () => {
    await using vhost = await Vhost.create();
    const running = celeriac(vhost.url, ...worker, '-Q', 'nope, b', '--log-format', 'text');
    await running.line(/^ready, press Ctrl-C/u);

    expect(await vhost.consumers('nope')).to.equal(1);
    expect(await vhost.consumers('b')).to.equal(1);
    await running.stop();
  });

  it('worker with JSON logs writes nothing but JSON, ready included', async () => {
    await using vhost = await Vhost.create();
    const running = celeriac(vhost.url, ...worker);
    await running.line(/"message":"ready"/u);
    running.kill('SIGTERM');
    await running.exited;

    const lines = running
      .output()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const ready = lines.find(({ message }) => message === 'ready');
    expect(ready).to.include({ level: 'info', service: 'shop' });
    expect(ready?.queues).to.deep.equal(['a', 'b', 'c']);
  });

  it('registers an application with exactly its patterns, lists it, and takes it off the list', async () => {
    await using vhost = await Vhost.create();
    const applications = (...args: string[]) => ended(vhost.url, 'applications', ...args);
    expect((await applications('register', 'crm', 'x.#', 'y.*')).code).to.equal(0);
    const { output } = await applications('register', 'crm', 'y.*', '--json');
    const { queue } = JSON.parse(output) as { queue: string };

    const received = await ended(vhost.url, 'publish-event', 'y.1', '--data', '{"n": 1}');
    const dropped = await ended(vhost.url, 'publish-event', 'x.1', '--data', '{"n": 2}');

    expect(received.code).to.equal(0);
    expect(dropped.code).to.equal(70);
    expect(dropped.output).to.include('ERR_PUBLISH_UNROUTABLE');
    const listed = JSON.parse((await applications('list', '--json')).output) as unknown[];
    expect(listed).to.have.length(1);
    expect(listed[0]).to.deep.include({ name: 'crm', queue, patterns: ['y.*'] });
    expect(listed[0]).to.include({ lag: 1, handlers: 0, oldestAge: null, pausedAt: null });
    expect((await applications('pause', 'crm')).output)
      .to.include('crm is paused')
      .and.include('no event handler');
    expect((await applications()).output).to.match(/^crm +1 +0 +- +0 +paused since \d{4}-/mu);
    expect((await applications('resume', 'crm')).output).to.include('crm is not paused');
    expect((await applications('unregister', 'crm')).output).to.include('receives nothing more');
    expect((await applications('unregister', 'crm')).output).to.include('was not registered');
    expect((await applications('list')).output).to.include('no application');
    expect(await vhost.depth(queue)).to.equal(1);
  });

  it('dlq lists, shows, puts back and throws away, as text and as lines of JSON', async () => {
    await using vhost = await Vhost.create();
    const dlq = (...args: string[]) => ended(vhost.url, 'dlq', ...args);
    const running = celeriac(vhost.url, ...worker, '-Q', 'a', '--log-format', 'text');
    await running.line(/^ready, press Ctrl-C/u);
    for (const id of ['id-1', 'id-2', 'id-3']) {
      await ended(
        vhost.url,
        'send',
        'nope',
        '--kwargs',
        `{"password": "${canary}"}`,
        '--queue',
        'a',
        '--id',
        id,
      );
    }
    await waitFor(async () => (await vhost.depth('a.dead-letter')) === 3, { what: 'three dead letters' });
    await running.stop();

    const [listed, lines] = [await dlq('list', 'a'), await dlq('list', 'a', 'b', '--json')];
    const shown = await dlq('show', 'a', '--limit', '2', '--json');
    const text = await dlq('show', 'a', '--id', 'id-3');
    const dry = await dlq('requeue', 'a', '--task', 'no*', '--limit', '1', '--dry-run');
    const one = await dlq('requeue', 'a', '--task', 'no*', '--limit', '1', '--json');
    const unsure = await dlq('purge', 'a');
    const wrong = await dlq('purge', 'a', '--yes', 'b');
    const some = await dlq('purge', 'a', '--id', 'id-3');
    const all = await dlq('purge', 'a', '--yes', 'a');

    expect(listed.output).to.match(/^a +3 +\S.* +nope +unknown +3$/mu);
    const objects = [lines, shown].map(({ output }) =>
      output
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    );
    expect(objects[0]).to.have.length(2);
    expect(objects[0]?.[0]).to.include({ queue: 'a', messages: 3 });
    expect(objects[0]?.[1]).to.include({ queue: 'b', exists: false });
    expect(objects[1]?.map(({ id, reason }) => [id, reason])).to.deep.equal([
      ['id-1', 'unknown'],
      ['id-2', 'unknown'],
    ]);
    expect(text.output).to.match(/^id-3\n {2}task +nope\n {2}reason +unknown\n {2}error +ERR_TASK_UNKNOWN/u);
    expect(shown.output + text.output).not.to.include(canary);
    expect(dry.output).to.equal('1 would be put back from a.dead-letter into\n  a  1\n');
    expect(JSON.parse(one.output)).to.deep.include({ requeued: 1, queues: { a: 1 }, dryRun: false });
    for (const refusal of [unsure, wrong]) expect(refusal.code).to.equal(2);
    expect(unsure.output).to.include('--yes a');
    expect(some.output).to.equal('1 thrown away from a.dead-letter\n');
    expect(all.output).to.equal('1 thrown away from a.dead-letter\n');
    expect(await vhost.depth('a.dead-letter')).to.equal(0);
    expect((await vhost.take('a')).map(({ properties }) => properties.messageId as unknown)).to.deep.equal([
      'id-1',
    ]);
  });

  for (const [what, args, code] of [
    ['a queue that has none', ['show', 'nope'], 78],
    ['an empty filter', ['requeue', 'a', '--task', ''], 2],
    ['a rate without a unit', ['requeue', 'a', '--rate', '10'], 2],
    ['no queue', ['purge'], 2],
  ] as const) {
    it(`dlq ends with ${code} for ${what}`, async () => {
      await using vhost = await Vhost.create();
      expect((await ended(vhost.url, 'dlq', ...args)).code).to.equal(code);
    });
  }

  const refused = {
    worker: [...worker, '--log-format', 'text'],
    send: ['send', 'echo'],
    'send --json': ['send', 'echo', '--json'],
    'publish-event': ['publish-event', 'a.b'],
    'applications list': ['applications', 'list'],
    'applications register': ['applications', 'register', 'a', 'x'],
    'dlq list': ['dlq', 'list'],
    'dlq show': ['dlq', 'show', 'a'],
    'dlq requeue': ['dlq', 'requeue', 'a', '--json'],
    'applications unregister': ['applications', 'unregister', 'a', '--json'],
  };
  for (const [what, args] of Object.entries(refused)) {
    it(`${what} ends with 78 for a wrong password, names the error, and shows no password`, async () => {
      const url = (await sharedRabbit()).urlFor({ password: canary });

      const { code, output } = await ended(url, ...args);

      expect(code).to.equal(78);
      expect(output).to.match(/Check user and password/u);
      expect(output).not.to.include(canary);
    });
  }
});

async function exists(vhost: Vhost, queue: string): Promise<boolean> {
  return vhost.depth(queue).then(
    () => true,
    (error: unknown) => {
      if (String(error).includes('NOT_FOUND')) return false;
      throw error;
    },
  );
}
