/** Failed connection attempts: what Node, OpenSSL, amqplib and RabbitMQ say, and what we make of it. No socket. */
import { expect } from 'chai';

import { connectError, isPermanent } from '../../../dist/amqp/connect-error.js';
import { CeleriacError, type ErrorCode } from '../../../dist/errors.js';

const address = {
  protocol: 'amqp',
  hostname: 'mq.example',
  port: 5672,
  username: 'shop',
  vhost: 'orders',
} as const;

function failure(message: string, code?: string | number): Error {
  return code === undefined ? new Error(message) : Object.assign(new Error(message), { code });
}

function diagnosed(cause: unknown, more: Partial<typeof address> | object = {}): CeleriacError {
  return connectError(cause, { ...address, ...more }, undefined);
}

const login =
  'Handshake terminated by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile."';

/** Words, Node's code, our code, and a part of the text that only this diagnosis has. */
const table: readonly (readonly [string, string | undefined, ErrorCode, string])[] = [
  ['connect ECONNREFUSED 127.0.0.1:5672', 'ECONNREFUSED', 'ERR_BROKER_UNREACHABLE', 'nothing listens'],
  ['', 'ECONNREFUSED', 'ERR_BROKER_UNREACHABLE', 'nothing listens'], // AggregateError of `localhost`
  ['getaddrinfo ENOTFOUND mq.example', 'ENOTFOUND', 'ERR_BROKER_UNREACHABLE', 'host name is unknown'],
  ['getaddrinfo EAI_AGAIN mq.example', 'EAI_AGAIN', 'ERR_BROKER_UNREACHABLE', 'name server'],
  ['connect EHOSTUNREACH 10.0.0.9:5672', 'EHOSTUNREACH', 'ERR_BROKER_UNREACHABLE', 'no route to the host'],
  ['connect ENETUNREACH 10.0.0.9:5672', 'ENETUNREACH', 'ERR_BROKER_UNREACHABLE', 'no route to the network'],
  ['connect ETIMEDOUT 10.0.0.9:5672', 'ETIMEDOUT', 'ERR_BROKER_UNREACHABLE', 'does not answer'],
  [login, undefined, 'ERR_ACCESS_REFUSED', "refused the user 'shop'"],
  [
    'Expected ConnectionOpenOk; got <ConnectionClose channel:0>',
    undefined,
    'ERR_VHOST_REFUSED',
    "virtual host 'orders'",
  ],
  [
    'Connection closed: 530 (NOT-ALLOWED) with message "NOT_ALLOWED - vhost orders not found"',
    undefined,
    'ERR_VHOST_REFUSED',
    "virtual host 'orders'",
  ],
  ['self-signed certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'ERR_TLS', 'tls.ca'],
  ['self-signed certificate in certificate chain', 'SELF_SIGNED_CERT_IN_CHAIN', 'ERR_TLS', 'tls.ca'],
  ['unable to verify the first certificate', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'ERR_TLS', 'tls.ca'],
  ['certificate has expired', 'CERT_HAS_EXPIRED', 'ERR_TLS', 'certificate has expired'],
  [
    "Hostname/IP does not match certificate's altnames: Host: mq.example. is not in the cert's altnames: DNS:other",
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ERR_TLS',
    'tls.server_name',
  ],
  [
    '40F7:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:ssl/record/ssl3_record.c:354:',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'ERR_TLS',
    'does not speak TLS',
  ],
  [
    'write EPROTO 40F7:error:0A0000C6:SSL routines::packet length too long:ssl3.c:1:',
    'EPROTO',
    'ERR_TLS',
    'does not speak TLS',
  ],
  [
    'Socket closed abruptly during opening handshake',
    undefined,
    'ERR_BROKER_HANDSHAKE',
    'AMQP 0-9-1 listener',
  ],
  ['read ECONNRESET', 'ECONNRESET', 'ERR_BROKER_HANDSHAKE', 'AMQP 0-9-1 listener'],
];

describe('connectError', () => {
  for (const [text, nodeCode, code, part] of table) {
    it(`makes ${code} of '${text.slice(0, 70)}' (${String(nodeCode)})`, () => {
      const error = diagnosed(failure(text, nodeCode));
      expect(error.code).to.equal(code);
      expect(error.message).to.include(part);
      expect(error.message).to.include('mq.example:5672');
      expect(error.values).to.deep.equal({
        hostname: 'mq.example',
        port: 5672,
        username: 'shop',
        vhost: 'orders',
      });
      expect(error.cause).to.have.property('message', text);
    });
  }

  it('is not misled by addresses and names that hold the number of a reply code', () => {
    const refused = failure('connect ECONNREFUSED 2001:db8:403::1:5672', 'ECONNREFUSED');
    const unknown = failure('getaddrinfo ENOTFOUND mq-530.certificate.example', 'ENOTFOUND');
    const name = failure("does not match certificate's altnames: mq-403", 'ERR_TLS_CERT_ALTNAME_INVALID');

    expect(diagnosed(refused).code).to.equal('ERR_BROKER_UNREACHABLE');
    expect(diagnosed(unknown).code).to.equal('ERR_BROKER_UNREACHABLE');
    expect(diagnosed(name).code).to.equal('ERR_TLS');
  });

  it('says of guest, and of guest only, that it may connect from localhost only', () => {
    expect(diagnosed(failure(login), { username: 'guest' }).hint).to.include('from localhost only');
    expect(diagnosed(failure(login)).hint).not.to.include('localhost');
  });

  it('says that port 5671 speaks TLS when it was tried without', () => {
    const reset = failure('read ECONNRESET', 'ECONNRESET');

    expect(diagnosed(reset, { port: 5671 }).hint).to.include('amqps://');
    expect(diagnosed(reset, { port: 5671, protocol: 'amqps' }).hint).not.to.include('amqps://');
  });

  it('calls a broker that let the deadline pass silent, whatever the socket said', () => {
    const error = connectError(failure('The operation was aborted', 'ABORT_ERR'), address, 7);

    expect(error.code).to.equal('ERR_BROKER_SILENT');
    expect(error.message).to.include('within 7 s');
  });

  it('puts an IPv6 address in brackets', () => {
    expect(diagnosed(failure('x'), { hostname: '::1' }).message).to.include('[::1]:5672');
  });

  it('hands on an error of ours as it is', () => {
    const own = new CeleriacError('ERR_CLOSED', { message: 'closed.' });

    expect(diagnosed(own)).to.equal(own);
  });

  it('explains whatever was thrown', () => {
    for (const thrown of [undefined, null, 'text', 42, {}]) {
      expect(diagnosed(thrown).code).to.equal('ERR_BROKER_HANDSHAKE');
    }
  });
});

describe('isPermanent', () => {
  it('holds for what a person has to change, and for nothing that passes by itself', () => {
    const permanent = table.filter(([text, code]) => isPermanent(diagnosed(failure(text, code))));

    expect([...new Set(permanent.map(([, , code]) => code))].sort()).to.deep.equal([
      'ERR_ACCESS_REFUSED',
      'ERR_TLS',
      'ERR_VHOST_REFUSED',
    ]);
  });
});
