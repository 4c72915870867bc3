/** The log of a connection that cannot be made: said at once, repeated rarely, counted. Manual clock. */
import { expect } from 'chai';

import { ConnectLog } from '../../../dist/amqp/connect-log.js';
import { CeleriacError, type ErrorCode } from '../../../dist/errors.js';
import { type LogFields, type Logger, silentLogger } from '../../../dist/logger.js';
import { ManualClock } from '../../support/manual-clock.js';

const endpoint = (hostname: string) => ({
  protocol: 'amqp' as const,
  hostname,
  port: 5672,
  username: 'u',
  password: 'hunter2',
  vhost: 'a/b',
});

describe('ConnectLog', () => {
  let clock: ManualClock;
  let log: ConnectLog;
  let lines: { message: string; fields: LogFields }[];
  const record = (message: string, fields: LogFields = {}): void => void lines.push({ message, fields });
  const fail = (code: ErrorCode = 'ERR_BROKER_UNREACHABLE', hostname = 'a'): void =>
    log.failed(new CeleriacError(code, { message: 'no.' }), endpoint(hostname));

  beforeEach(() => {
    lines = [];
    clock = new ManualClock();
    const logger: Logger = { ...silentLogger, info: record, warn: record };
    log = new ConnectLog(logger, clock, 'shop worker');
  });

  it('says the first failure at once and holds its repeats for ten seconds', async () => {
    fail();
    await clock.advance(9_999);
    fail();
    expect(lines).to.have.length(1);
    expect(lines[0]?.fields).not.to.have.property('attempts');

    await clock.advance(1);
    fail();
    expect(lines).to.have.length(2);
  });

  it('counts what it held, the one it says included, and begins anew after it', async () => {
    for (let i = 0; i < 5; i++) fail();
    await clock.advance(10_000);
    fail();
    expect(lines[1]?.fields).to.have.property('attempts', 5);

    fail();
    await clock.advance(10_000);
    fail();
    expect(lines[2]?.fields).to.have.property('attempts', 2);
  });

  it('holds each kind of failure and each address apart', () => {
    fail('ERR_BROKER_UNREACHABLE', 'a');
    fail('ERR_BROKER_UNREACHABLE', 'b');
    fail('ERR_TLS', 'a');
    fail('ERR_TLS', 'a');

    expect(lines).to.have.length(3);
  });

  it('says a failure after a connection at once', () => {
    fail();
    log.connected(endpoint('a'), 1);
    fail();

    expect(lines.map(({ message }) => message)).to.deep.equal([
      'cannot connect, trying on',
      'connected',
      'cannot connect, trying on',
    ]);
  });

  it('tells a first connection from a restored one', () => {
    log.connected(endpoint('a'), 1);
    log.connected(undefined, 2);

    expect(lines.map(({ message }) => message)).to.deep.equal(['connected', 'connection restored']);
  });

  it('shows the address with its virtual host, IPv6 in brackets, and never user or password', () => {
    fail('ERR_TLS', '::1');

    expect(lines[0]?.fields).to.have.property('broker', 'amqp://[::1]:5672/a%2Fb');
    expect(JSON.stringify(lines)).not.to.include('hunter2');
  });
});
