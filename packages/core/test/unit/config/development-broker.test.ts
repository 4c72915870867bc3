/** What is used where no connection string is configured: the development broker that runs, or an error in production. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'chai';

import { announceDevelopmentBroker, findDevelopmentBroker } from '../../../dist/config/development-broker.js';
import { loadConfig } from '../../../dist/config/load.js';
import { problems } from './failures.js';

describe('the development broker', () => {
  let folder: string;
  let env: Record<string, string>;
  let server: Server;
  let port: number;
  before(async () => {
    server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  after(() => server.close());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'celeriac-found-'));
    env = { HOME: folder };
  });
  afterEach(() => rm(folder, { recursive: true }));
  const note = () => ({ pid: process.pid, port, url: `amqp://guest:guest@127.0.0.1:${port}//` });
  const used = async (variables: Record<string, string>) => {
    const { events } = await loadConfig({}, { env: variables });
    return events.connection_string.addresses[0]?.port;
  };

  it('is found while it is announced and listens, and used where no connection string is set', async () => {
    const { isFound, withdraw } = await announceDevelopmentBroker(note(), env);

    expect(isFound).to.equal(true);
    expect(await findDevelopmentBroker(env)).to.deep.equal(note());
    expect(await used(env)).to.equal(port);
    expect(await used({ ...env, CELERIAC_EVENTS__CONNECTION_STRING: 'amqp://h:1//' })).to.equal(1);
    await withdraw();
    expect(await used(env)).to.equal(5672);
  });

  it('is not taken for running because a process that was killed left word', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const gone = (closed.address() as AddressInfo).port;
    closed.close();
    await once(closed, 'close');
    await announceDevelopmentBroker({ ...note(), port: gone }, env);

    expect(await findDevelopmentBroker(env)).to.equal(undefined);
  });

  it('is not what listens on the port of a process that was killed: that might be told a password', async () => {
    const killed = spawn(process.execPath, ['--eval', '']);
    await once(killed, 'exit');
    await announceDevelopmentBroker({ ...note(), pid: killed.pid ?? 0 }, env);

    expect(await findDevelopmentBroker(env)).to.equal(undefined);
  });

  it('is found where it listens, which may be another address of this machine', async () => {
    const other = createServer((socket) => socket.destroy());
    const listening = (host: string) => once(other.listen(0, host), 'listening').then(() => host);
    const host = await listening('::1').catch(() => listening('127.0.0.2')); // one of which there is
    const address = other.address() as AddressInfo;
    const url = `amqp://guest:guest@${host.includes(':') ? `[${host}]` : host}:${address.port}//`;
    await announceDevelopmentBroker({ ...note(), port: address.port, url }, env);

    expect(await findDevelopmentBroker(env)).to.include({ url });
    other.close();
    await once(other, 'close');
  });

  it('does not take back the word of another that took its place', async () => {
    const first = await announceDevelopmentBroker(note(), env);
    await announceDevelopmentBroker({ ...note(), pid: process.ppid }, env);

    await first.withdraw();

    expect(await findDevelopmentBroker(env)).to.include({ pid: process.ppid });
  });

  it('is nobody where the note is damaged, from another machine, or has no place to be', async () => {
    const { withdraw } = await announceDevelopmentBroker(note(), env);
    const [file = ''] = await readdir(join(folder, '.cache/celeriac'));
    for (const text of [
      '',
      '{',
      'null',
      '{"pid":1}',
      JSON.stringify({ ...note(), url: 'nowhere' }),
      JSON.stringify({ ...note(), host: 'elsewhere' }),
    ]) {
      await writeFile(join(folder, '.cache/celeriac', file), text);
      expect(await findDevelopmentBroker(env), text).to.equal(undefined);
    }
    await withdraw();
    expect(await announceDevelopmentBroker(note(), {})).to.include({ isFound: false });
    expect(await announceDevelopmentBroker(note(), { HOME: '/dev/null' })).to.include({ isFound: false });
  });

  it('is never asked for in production: there a missing connection string is an error', async () => {
    await announceDevelopmentBroker(note(), env);
    const production = { ...env, NODE_ENV: 'production' };

    const found = await problems(loadConfig({}, { env: production }));

    expect(found['events.connection_string']).to.include('missing').and.include('NODE_ENV');
    const named = { events: { connection_string: 'amqp://h//' } };
    expect((await loadConfig(named, { env: production })).events.connection_string.addresses).to.have.length(
      1,
    );
  });
});
