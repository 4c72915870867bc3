/** From configuration to connections: whose broker, which name, certificates, warnings. Nothing listens. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';

import { expect } from 'chai';

import type { TlsSettings } from '../../dist/amqp/broker-endpoint.js';
import { brokerAccess, isOneBroker, openSession, producerName, serviceName } from '../../dist/broker.js';
import { systemClock } from '../../dist/clock.js';
import { loadConfig } from '../../dist/config/load.js';
import type { ConfigInput } from '../../dist/config/input.js';
import type { Config } from '../../dist/config/types.js';
import { type Logger, silentLogger } from '../../dist/logger.js';

const load = (config: ConfigInput = {}): Promise<Config> => loadConfig(config, { env: {} });

describe('isOneBroker', () => {
  it('holds unless tasks have a broker of their own', async () => {
    const own = { tasks: { connection_string: 'amqp://guest@elsewhere//' } };

    expect(isOneBroker(await load())).to.equal(true);
    expect(isOneBroker(await load(own))).to.equal(false);
  });
});

describe('serviceName', () => {
  it('is the configured one, else the name of the program without its ending', async () => {
    const [, program] = process.argv;
    try {
      process.argv[1] = '/srv/app/shop.worker.mjs';
      expect(serviceName(await load({ service: 'billing' }))).to.equal('billing');
      expect(serviceName(await load())).to.equal('shop.worker');
    } finally {
      process.argv[1] = program ?? '';
    }
  });
});

describe('producerName', () => {
  it("is in Celery's form, with this process", () => {
    expect(producerName()).to.match(new RegExp(`^gen${process.pid}@.+$`, 'u'));
  });
});

describe('brokerAccess', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'celeriac-tls-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('gives the contents of the files, and the settings', async () => {
    const ca = join(folder, 'ca.pem');
    await writeFile(ca, 'certificate');
    const config = await load({ tls: { ca, server_name: 'mq', verify: false } });
    const { tls } = await brokerAccess(config, silentLogger);

    expect(tls?.ca?.toString()).to.equal('certificate');
    expect(tls).to.include({ cert: undefined, serverName: 'mq', verify: false });
  });

  it('names key and file of what cannot be read', async () => {
    const path = join(folder, 'missing.pem');
    const error: unknown = await brokerAccess(await load({ tls: { ca: path } }), silentLogger).catch(
      (e: unknown) => e,
    );

    expect(error).to.include({ code: 'ERR_CONFIG_UNREADABLE' });
    expect(error).to.have.property('message').that.includes('tls.ca').and.includes('missing.pem');
  });
});

describe('openSession', () => {
  async function warnings(url: string, heartbeat: number, tls?: TlsSettings): Promise<readonly string[]> {
    const said: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (message) => void said.push(message) };
    const config = await load({ service: 'shop', events: { connection_string: url } });
    const access = { tls, embedded: new Map() };
    const options = { config, logger, clock: systemClock, access };
    const session = openSession(options, { section: 'events', role: 'worker', heartbeat });
    const [shown, { name }] = [inspect(session, { depth: 10, showHidden: true }), session];
    await session.close();
    expect(shown, 'inspected').not.to.include('hunter2');
    expect(name).to.match(/^shop worker \(/u);
    return said;
  }
  const amqp = 'amqp://me:hunter2@127.0.0.1:1//';
  const amqps = 'amqps://me:hunter2@127.0.0.1:1//';

  it('warns of heartbeats that are off, by the setting or by an address', async () => {
    expect(await warnings(amqp, 0)).to.have.length(1);
    expect(await warnings(`${amqp}?heartbeat=0`, 15)).to.have.length(1);
    expect(await warnings(`${amqp}?heartbeat=5`, 0)).to.have.length(0);
    expect(await warnings(amqp, 15)).to.have.length(0);
  });

  it('warns of certificates that are not verified, where TLS is used', async () => {
    expect(await warnings(amqps, 15, { verify: false })).to.have.length(1);
    expect(await warnings(amqps, 15, { verify: true })).to.have.length(0);
    expect(await warnings(amqp, 15, { verify: false })).to.have.length(0);
  });
});
