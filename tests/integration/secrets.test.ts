/** A password never shows: in no log line, error or inspected object, whatever goes wrong with the connection. */
import { inspect } from 'node:util';

import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { freePorts } from '../support/free-port.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';

const canary = 'c4nary-p@ss/w:rd';
const written = encodeURIComponent(canary);

/** Everything a person could come to see of an object or an error. */
function shown(value: unknown): string {
  return (
    inspect(value, { depth: 12, showHidden: true, getters: false }) + JSON.stringify(value, skipCycles())
  );
}

function skipCycles(): (key: string, value: unknown) => unknown {
  const seen = new Set<unknown>();
  return (_key, value) => {
    if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? String(value) : value;
    if (seen.has(value)) return '(seen)';
    seen.add(value);
    return value;
  };
}

function expectNoSecret(texts: readonly string[]): void {
  for (const text of texts) {
    expect(text).not.to.include(canary);
    expect(text).not.to.include(written);
  }
}

describe('a password', function () {
  before(function () {
    requireRabbit(this);
  });

  it('shows in no log line, error or inspected object through connecting, losing, refusing and closing', async () => {
    await using vhost = await Vhost.create();
    const user = `u${vhost.name}`;
    await vhost.rabbit.ctl(
      'eval',
      `rabbit_auth_backend_internal:add_user(<<"${user}">>, <<"${canary}">>, <<"test">>),
       rabbit_auth_backend_internal:set_permissions(<<"${user}">>, <<"${vhost.name}">>, <<".*">>, <<".*">>, <<".*">>, <<"test">>).`,
    );
    await using proxy = await TcpProxy.start(vhost.rabbit.port);
    const [refused] = await freePorts(1);
    const at = (port: number, vhostName = vhost.name): string =>
      `amqp://${user}:${written}@127.0.0.1:${port}/${vhostName}`;
    const url = `${at(refused!)};${at(proxy.port)}`;
    await using watched = new WatchedWorker(configFor(url));
    watched.worker.task('add', () => 0);
    const description = await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(url));
    const errors: unknown[] = [];
    sender.publisher
      .on('connect-failed', (error) => errors.push(error))
      .on('lost', (error) => errors.push(error));
    await sender.publisher.ready();
    proxy.reset();
    await waitFor(() => watched.restored.length === 2);
    await using noVhost = await WatchedPublisher.open(configFor(at(proxy.port, 'nowhere')));
    errors.push(await noVhost.publisher.ready({ timeout: 20 }).catch((error: unknown) => error));
    await using nobody = await WatchedPublisher.open(configFor(at(proxy.port).replace(user, 'nobody')));
    errors.push(await nobody.publisher.ready({ timeout: 20 }).catch((error: unknown) => error));
    errors.push(...watched.lost);

    const lines = [watched, sender, noVhost, nobody].flatMap(({ log }) => log.raw);
    expect(lines.length).to.be.above(8);
    expect(errors.length).to.be.above(3);
    expectNoSecret(lines);
    expectNoSecret(errors.map(shown));
    expectNoSecret([shown(description), shown(watched.worker), shown(sender.publisher)]);
  });

  it('shows in no error about a connection string that cannot be read', async () => {
    const broken = [
      `amqp://me:${canary}@host`,
      `http://me:${written}@host`,
      `amqp://me:${written}@host:99999999//`,
      `amqp://me:${written}@host/?no_such_option=1`,
      `amqp://me:${written}%zz@host//`,
    ];
    let failures = 0;
    for (const url of broken) {
      const opened = await WatchedPublisher.open(configFor(url)).catch((error: unknown) => error);
      if (opened instanceof WatchedPublisher) {
        await opened[Symbol.asyncDispose]();
        expectNoSecret(opened.log.raw);
        continue;
      }
      failures++;
      expectNoSecret([shown(opened), String((opened as Error).stack)]);
    }
    expect(failures).to.be.above(2);
  });
});
