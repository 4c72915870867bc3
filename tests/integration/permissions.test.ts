/** The permissions that docs/security.md gives to each role: enough for what it does, and for nothing else. */
import { readFile } from 'node:fs/promises';

import amqp, { type Channel } from 'amqplib';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { letters } from '../support/signing.js';
import { waitFor } from '../support/wait-for.js';

const password = 'a-long-password';
const guide = new URL('../../../docs/security.md', import.meta.url);
const line = /^rabbitmqctl set_permissions -p shop shop-(\w+) '([^']*)' '([^']*)' '([^']*)'$/gmu;
type Role = 'deploy' | 'web' | 'worker';

/** The users of the guide, in a virtual host of the test. */
async function users(vhost: Vhost): Promise<(role: Role) => string> {
  const text = await readFile(guide, 'utf8');
  const all = [...text.matchAll(line)].map(([, role = '', ...patterns]) => ({ role, patterns }));
  expect(all.map(({ role }) => role)).to.deep.equal(['deploy', 'web', 'worker']);
  const binary = (value: string): string => `<<"${value.replaceAll('\\', '\\\\')}">>`;
  const nameOf = (role: string): string => `${role}-${vhost.name}`;
  const commands = all.map(({ role, patterns }) => {
    const user = binary(nameOf(role));
    return `rabbit_auth_backend_internal:add_user(${user}, ${binary(password)}, <<"test">>),
      rabbit_auth_backend_internal:set_permissions(${user}, ${binary(vhost.name)}, ${patterns.map(binary).join(', ')}, <<"test">>)`;
  });
  await vhost.rabbit.ctl('eval', `${commands.join(',\n')}.`);
  return (role) => vhost.rabbit.urlFor({ vhost: vhost.name, user: nameOf(role), password });
}

const handlerConfig = { task_handler: { queues: ['billing'] }, tasks: { default_queue: 'billing' } };
const kept = { ...handlerConfig, tasks: { ...handlerConfig.tasks, declare_queues: false } };

function worker(url: string, config: object, ran: unknown[]): WatchedWorker {
  const watched = new WatchedWorker(configFor(url, config));
  const charge = (value: string): void => {
    ran.push(value);
    if (value === 'fails') throw new Error('no');
  };
  watched.worker.task('charge', charge, { retry: { max: 1, backoff: 'fixed', delay: '1s' } });
  watched.worker.application('invoicing').on('deal.*', (event) => void ran.push(event.type));
  return watched;
}

/** It is the last that is declared for them. */
async function isBoundForDelays(vhost: Vhost, queue: string): Promise<boolean> {
  const columns = ['source_name', 'destination_name'];
  const bindings = await vhost.rabbit.ctl('list_bindings', '-q', '-p', vhost.name, ...columns);
  return bindings.includes(`celery_delayed_delivery\t${queue}\n`);
}

/** The reply code with which the broker refuses; undefined when it does not. */
async function refusal(
  url: string,
  action: (channel: Channel) => Promise<unknown>,
): Promise<number | undefined> {
  const connection = await amqp.connect(url);
  connection.on('error', () => undefined);
  try {
    const channel = await connection.createConfirmChannel();
    const closed = new Promise<number>((resolve) =>
      channel.on('error', (error: { code?: number }) => resolve(error.code ?? 0)),
    );
    const done = action(channel)
      .then(() => channel.waitForConfirms())
      .then(() => undefined);
    return await Promise.race([closed, done.catch(() => closed)]);
  } finally {
    await connection.close().catch(() => undefined);
  }
}

describe('the permissions of the security guide', function () {
  before(function () {
    requireRabbit(this);
  });

  it('let deploys create, the web service publish and the worker work, and nobody do what is for others', async () => {
    await using vhost = await Vhost.create();
    const urlOf = await users(vhost);
    const deployed = worker(urlOf('deploy'), handlerConfig, []);
    await deployed.worker.start();
    await waitFor(() => isBoundForDelays(vhost, 'billing'), { what: 'the way of delayed messages' });
    await deployed.worker.stop();

    const ran: unknown[] = [];
    await using working = worker(urlOf('worker'), kept, ran);
    await working.worker.start();
    await using web = await WatchedPublisher.open(configFor(urlOf('web'), kept));
    await web.publisher.send('charge', ['now']);
    await web.publisher.send('charge', ['later'], { delay: '1s' });
    await web.publisher.send('charge', ['fails']);
    await web.publisher.publishEvent('deal.new', { id: 1 });
    await working.untilSettled(5);

    expect(ran).to.have.members(['now', 'later', 'fails', 'fails', 'deal.new']);
    expect((await letters(vhost, 'billing')).map(([, reason]) => reason)).to.deep.equal(['failed']);
    expect((await rejection(web.publisher.send('charge', ['x'], { queue: 'nowhere' }))).code).to.match(
      /^ERR_/u,
    );
    const refused: Record<string, number | undefined> = {
      'web reads': await refusal(urlOf('web'), (channel) => channel.get('billing')),
      'web creates': await refusal(urlOf('web'), (channel) => channel.assertQueue('mine')),
      'web deletes': await refusal(urlOf('web'), (channel) => channel.deleteQueue('billing')),
      'web purges': await refusal(urlOf('web'), (channel) => channel.purgeQueue('billing')),
      'worker reads others': await refusal(urlOf('worker'), (channel) => channel.get('billing.dead-letter')),
      'worker creates': await refusal(urlOf('worker'), (channel) => channel.assertQueue('mine')),
      'worker deletes': await refusal(urlOf('worker'), (channel) => channel.deleteQueue('billing')),
      'worker binds': await refusal(urlOf('worker'), (channel) =>
        channel.bindQueue('billing', 'celeriac.events', '#'),
      ),
      'web publishes elsewhere': await refusal(urlOf('web'), (channel) =>
        Promise.resolve(channel.publish('amq.topic', 'x', Buffer.of())),
      ),
    };
    expect(refused).to.deep.equal(Object.fromEntries(Object.keys(refused).map((name) => [name, 403])));
  });
});
