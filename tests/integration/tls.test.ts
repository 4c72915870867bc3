/** The name a TLS handshake asks for (SNI), seen by a plain TLS server; no broker is needed. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server, type TlsOptions } from 'node:tls';
import { promisify } from 'node:util';

import { Session, silentLogger } from '@celeriac/core';
import { expect } from 'chai';

import { configFor, rejection, WatchedPublisher } from '../support/clients.js';
import { waitFor } from '../support/wait-for.js';

const run = promisify(execFile);

/** A server with a certificate for `mq.test` and `localhost` that notes every handshake and hangs up after it. */
class TlsServer implements AsyncDisposable {
  /** One entry per connection: the name asked for, or null when none was. */
  readonly names: (string | null)[] = [];
  readonly port: number;
  #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('secureConnection', (socket) => {
      const { servername } = socket as unknown as { servername: string | false | null };
      this.names.push(typeof servername === 'string' ? servername : null);
      socket.on('error', () => undefined);
      socket.destroy();
    });
    server.on('tlsClientError', () => undefined);
    server.on('connection', (socket: Socket) => socket.on('error', () => undefined));
  }

  static async start(
    directory: string,
    certificate = 'cert.pem',
    options: TlsOptions = {},
  ): Promise<TlsServer> {
    const [key, cert] = await Promise.all([
      readFile(join(directory, 'key.pem')),
      readFile(join(directory, certificate)),
    ]);
    const server = createServer({ key, cert, ...options });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TlsServer(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }
}

describe('a TLS handshake', () => {
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'celeriac-tls-'));
    const names = 'subjectAltName=DNS:localhost,DNS:mq.test,IP:127.0.0.1';
    const files = ['-keyout', join(directory, 'key.pem'), '-out', join(directory, 'cert.pem')];
    const kind = [
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
    ];
    await run('openssl', ['req', ...kind, '-subj', '/CN=mq.test', '-addext', names, ...files]);
  });

  after(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  const open = (address: string, tls: Record<string, unknown> = {}) =>
    WatchedPublisher.open({ ...configFor(address), tls: { ca: join(directory, 'cert.pem'), ...tls } });

  it('asks for the host of the connection string', async () => {
    await using server = await TlsServer.start(directory);
    await using _sender = await open(`amqps://guest:guest@localhost:${server.port}//`);

    await waitFor(() => server.names.length > 0);

    expect(server.names[0]).to.equal('localhost');
  });

  it('asks for each host of a list by its own name after a failover, and for none when it is an address', async () => {
    await using one = await TlsServer.start(directory);
    await using two = await TlsServer.start(directory);
    const list = [one, two].map(
      ({ port }, index) => `amqps://g:g@${index === 0 ? 'localhost' : '127.0.0.1'}:${port}//`,
    );
    await using _sender = await open(list.join(';'));

    await waitFor(() => one.names.length > 0 && two.names.length > 0);

    expect(one.names[0]).to.equal('localhost');
    expect(two.names[0]).to.equal(null);
  });

  it('asks for tls.server_name where one is configured, and checks the certificate against it', async () => {
    await using server = await TlsServer.start(directory);
    await using _sender = await open(`amqps://g:g@127.0.0.1:${server.port}//`, { server_name: 'mq.test' });
    await waitFor(() => server.names.length > 0);
    expect(server.names[0]).to.equal('mq.test');
    await using wrong = await open(`amqps://g:g@127.0.0.1:${server.port}//`, { server_name: 'other.test' });

    const error = await rejection(wrong.publisher.ready({ timeout: 20 }));

    expect(error).to.have.property('code', 'ERR_TLS');
    expect(error.message).to.include('tls.server_name');
  });

  it('with a certificate nobody vouches for is refused, with what to configure', async () => {
    await using server = await TlsServer.start(directory);
    await using sender = await open(`amqps://g:g@localhost:${server.port}//`, { ca: undefined });

    const error = await rejection(sender.publisher.ready({ timeout: 20 }));

    expect(error).to.have.property('code', 'ERR_TLS');
    expect(error.message).to.include('tls.ca');
  });

  it('with a certificate that has expired is refused', async () => {
    const [request, expired] = ['request.pem', 'expired.pem'].map((name) => join(directory, name));
    const key = join(directory, 'key.pem');
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    await run('openssl', ['req', '-new', '-key', key, ...subject, '-out', request!]);
    const past = ['-days', '-1', '-copy_extensions', 'copyall', '-out', expired!];
    await run('openssl', ['x509', '-req', '-in', request!, '-signkey', key, ...past]);
    await using server = await TlsServer.start(directory, 'expired.pem');
    await using sender = await open(`amqps://g:g@localhost:${server.port}//`, { ca: expired });

    const error = await rejection(sender.publisher.ready({ timeout: 20 }));

    expect(error).to.have.property('code', 'ERR_TLS');
    expect(error.message).to.match(/expired/iu);
    expect(server.names).to.deep.equal([]);
  });

  it('with a server that knows nothing newer than TLS 1.1 comes to nothing, and nothing is sent in the clear', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await using server = await TlsServer.start(directory, 'cert.pem', old);
    await using sender = await open(`amqps://g:g@localhost:${server.port}//`);

    const error = await rejection(sender.publisher.ready({ timeout: 5 }));

    expect(error.code).to.match(/^ERR_(TLS|BROKER_HANDSHAKE|BROKER_UNREACHABLE)$/u);
    expect(server.names).to.deep.equal([]);
  });

  it('is named in the error when a plain AMQP connection meets a TLS port', async () => {
    await using server = await TlsServer.start(directory);
    await using session = disposable(
      new Session({
        name: 'plain',
        endpoints: [
          {
            protocol: 'amqp',
            hostname: '127.0.0.1',
            port: server.port,
            username: 'g',
            password: 'canary-5ecret',
            vhost: '/',
            heartbeat: undefined,
          },
        ],
        heartbeat: 5,
        tcpKeepalive: 60,
        connectTimeout: 2,
        reconnectMaxDelay: 1,
        tls: undefined,
        logger: silentLogger,
      }),
    );

    const error = await rejection(session.ready({ timeoutMs: 3_000 }));

    expect(error.code).to.match(/^ERR_BROKER_(HANDSHAKE|SILENT)$/u);
    expect(error.message).not.to.include('canary-5ecret');
  });
});

function disposable(session: Session): Session & AsyncDisposable {
  return Object.assign(session, { [Symbol.asyncDispose]: () => session.close() });
}
