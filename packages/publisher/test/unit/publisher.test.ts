/** A publisher without a broker: what it shows, what it refuses, how it closes. A server that only counts. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { inspect } from 'node:util';

import { CeleriacError, type ConfigInput, defineTask } from '@celeriac/core';
import { expect } from 'chai';

import { createPublisher, type Publisher } from '../../dist/publisher.js';

describe('createPublisher', () => {
  let server: Server;
  let url: string;
  let sockets: Socket[];
  let publisher: Publisher | undefined;

  beforeEach(async () => {
    sockets = [];
    publisher = undefined;
    server = createServer((socket) => {
      socket.on('error', () => undefined); // cut when the publisher closes
      sockets.push(socket);
      server.emit('counted');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `amqp://me:hunter2@127.0.0.1:${(server.address() as AddressInfo).port}//`;
  });
  afterEach(async () => {
    await publisher?.close({ timeout: 0 });
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  async function open(config: ConfigInput = {}): Promise<Publisher> {
    const events = { connection_string: url, ...config.events };
    publisher = await createPublisher({ config: { ...config, events }, env: {} });
    return publisher;
  }
  async function refusal(attempt: Promise<unknown>): Promise<CeleriacError> {
    const error: unknown = await attempt.then(
      () => new Error('it was done'),
      (reason: unknown) => reason,
    );
    if (error instanceof CeleriacError) return error;
    throw error;
  }

  it('connects by itself, once for tasks and events on one broker', async () => {
    await open();
    await once(server, 'counted');

    expect(sockets).to.have.length(1);
  });

  it('connects to each of two brokers', async () => {
    await open({ tasks: { connection_string: url.replace('me:', 'other:') } });
    while (sockets.length < 2) await once(server, 'counted');

    expect(sockets).to.have.length(2);
  });

  it('rejects a bad configuration before it connects, without the password in the error', async () => {
    const wrong: readonly (readonly [string, object])[] = [
      ['ERR_CONFIG_INVALID', { tasks: { publish_timeot: '5s' } }],
      ['ERR_CONFIG_INVALID', { tasks: { publish_timeout: 'soon' } }],
      ['ERR_CONFIG_UNREADABLE', { tls: { ca: '/nowhere/ca.pem' } }],
    ];
    for (const [code, config] of wrong) {
      const error = await refusal(open(config));
      expect(error.code).to.equal(code);
      expect(inspect(error, { depth: 10 })).not.to.include('hunter2');
    }
    await open(); // would come after any of theirs
    await once(server, 'counted');
    expect(sockets).to.have.length(1);
  });

  it('shows no password when it is inspected, connecting or closed', async () => {
    const opened = await open();
    await once(server, 'counted');
    const shown = [inspect(opened, { depth: 20, showHidden: true }), JSON.stringify(opened)];
    await opened.close({ timeout: 0 });
    shown.push(inspect(opened, { depth: 20, showHidden: true }));

    expect(shown.join('\n')).not.to.include('hunter2');
  });

  it('tells of an attempt that failed, without the password', async () => {
    const opened = await open();
    const told = new Promise<CeleriacError>((resolve) => {
      opened.on('connect-failed', resolve);
    });
    await once(server, 'counted');
    sockets[0]?.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    const error = await told;

    expect(error.code).to.equal('ERR_BROKER_HANDSHAKE');
    expect(inspect(error, { depth: 10 })).not.to.include('hunter2');
  });

  it('refuses an input that does not fit its contract without waiting for the broker', async () => {
    const opened = await open();
    const task = defineTask({ name: 't', input: { type: 'object', required: ['a'] } as const });
    const wrong = [] as unknown as Record<string, unknown>;

    expect(await refusal(opened.send(task, wrong as never))).to.include({ code: 'ERR_INPUT_INVALID' });
  });

  it('rejects what is unsettled when it closes, and everything after', async () => {
    const opened = await open();
    const sending = refusal(opened.send('t', 1));
    await opened.close({ timeout: 0 });

    expect((await sending).values).to.include({ outcome: 'not-sent' });
    expect(await sending).to.include({ code: 'ERR_CLOSED' });
    expect(await refusal(opened.send('t', 1))).to.include({ code: 'ERR_CLOSED' });
    expect(await refusal(opened.publishEvent('t', 1))).to.include({ code: 'ERR_CLOSED' });
    expect(await refusal(opened.ready())).to.include({ code: 'ERR_CLOSED' });
  });

  it('closes once, however often it is asked to, and refuses a timeout that is no duration', async () => {
    const opened = await open();

    expect(await refusal(opened.close({ timeout: 'soon' }))).to.include({ code: 'ERR_INPUT_INVALID' });
    await Promise.all([opened.close(), opened.close(), opened[Symbol.asyncDispose]()]);
    await opened.close();
  });
});
