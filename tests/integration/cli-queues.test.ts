/** `celeriac queues` and `celeriac purge` on RabbitMQ: what is counted, what is thrown away, and what is refused. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { openQueues } from '@celeriac/core';
import { createPublisher } from '@celeriac/publisher';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { start } from '../support/processes.js';

const main = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));
const tasks = { default_queue: 'billing', routes: { 'mail.*': 'mail' } };

describe('the queues of a configuration', function () {
  let directory = '';

  before(async function () {
    requireRabbit(this);
    directory = await mkdtemp(join(tmpdir(), 'celeriac-queues-'));
    await writeFile(join(directory, 'celeriac.yaml'), `tasks: ${JSON.stringify(tasks)}\n`);
  });

  after(async () => {
    if (directory !== '') await rm(directory, { recursive: true, force: true });
  });

  async function celeriac(url: string, ...args: string[]): Promise<{ code: unknown; output: string }> {
    const env = { PATH: process.env.PATH, CELERIAC_EVENTS__CONNECTION_STRING: url };
    const running = start(process.execPath, [main, ...args], { cwd: directory, env });
    return { code: await running.exited, output: running.output() };
  }

  async function sendThree(url: string): Promise<void> {
    const config = { events: { connection_string: url }, tasks };
    await using publisher = await createPublisher({ config });
    await publisher.sendMany('any', [1, 2]);
    await publisher.send('any', 3, { delay: '1h' });
  }

  it('are counted with their dead-letter and delay queues, and nothing is declared by that', async () => {
    await using vhost = await Vhost.create();
    await sendThree(vhost.url);
    await using queues = await openQueues({ config: { events: { connection_string: vhost.url }, tasks } });

    const [all, named] = [await queues.list(), await queues.list(['billing', 'elsewhere'])];

    const seen = all.map(({ queue, purpose, state, messages, consumers }) => [
      queue,
      purpose,
      state,
      messages,
      consumers,
    ]);
    expect(seen).to.deep.include(['billing', 'task', 'exists', 2, 0]);
    expect(seen).to.deep.include(['billing.dead-letter', 'dead-letter', 'exists', 0, 0]);
    expect(seen).to.deep.include(['mail', 'task', 'missing', undefined, undefined]);
    const delays = all.filter(({ purpose }) => purpose === 'delay');
    expect(delays).to.have.length(28);
    expect(delays.reduce((sum, { messages = 0 }) => sum + messages, 0)).to.equal(1);
    expect(all.find(({ queue }) => queue === 'billing')).to.deep.include({ type: 'quorum' });
    expect(delays[27]?.arguments['x-message-ttl']).to.equal(2 ** 27 * 1000);
    expect(named.map(({ queue, state, purpose }) => [queue, state, purpose])).to.deep.equal([
      ['billing', 'exists', 'task'],
      ['elsewhere', 'missing', 'other'],
    ]);
    const text = await celeriac(vhost.url, 'queues');
    expect(text.code, text.output).to.equal(0);
    expect(text.output).to.match(/^billing +task +2 +0 +quorum +nobody consumes it$/mu);
    expect(text.output)
      .to.match(/^celery_delayed_11 +delay +1 /mu)
      .and.not.to.include('celery_delayed_12');
  });

  it('are emptied only by who names the queue twice', async () => {
    await using vhost = await Vhost.create();
    await sendThree(vhost.url);

    const unsure = await celeriac(vhost.url, 'purge', 'billing');
    const wrong = await celeriac(vhost.url, 'purge', 'billing', '--yes', 'mail');
    const dry = await celeriac(vhost.url, 'purge', 'billing', '--dry-run');
    const missing = await celeriac(vhost.url, 'purge', 'mail', '--yes', 'mail');
    expect(await vhost.depth('billing')).to.equal(2);
    const done = await celeriac(vhost.url, 'purge', 'billing', '--yes', 'billing', '--json');

    expect([unsure.code, wrong.code, dry.code, missing.code, done.code]).to.deep.equal([2, 2, 0, 78, 0]);
    expect(unsure.output).to.include('--yes billing');
    expect(dry.output).to.equal('2 would be thrown away from billing\n');
    expect(missing.output).to.include('ERR_TOPOLOGY_MISSING');
    expect(JSON.parse(done.output)).to.deep.equal({ queue: 'billing', purged: 2, dryRun: false });
    expect(await vhost.depth('billing')).to.equal(0);
  });
});
