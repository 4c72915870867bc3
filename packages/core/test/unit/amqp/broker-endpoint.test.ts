/** How a connection is opened: encrypted where that was asked for, verified unless told otherwise, never less. */
import { expect } from 'chai';

import { connectionOptions, type TlsSettings } from '../../../dist/amqp/broker-endpoint.js';

function optionsFor(protocol: 'amqp' | 'amqps', tls?: TlsSettings): Record<string, unknown> {
  const endpoint = { protocol, hostname: 'mq.test', port: 1, username: 'u', password: 'p', vhost: '/' };
  const settings = { name: 'n', heartbeat: 1, tcpKeepalive: 1, tls };
  return connectionOptions(settings, endpoint, new AbortController().signal) as Record<string, unknown>;
}

describe('the options of a TLS connection', () => {
  it('verify the certificate and ask for TLS 1.2 at least, whatever NODE_OPTIONS allow', () => {
    for (const tls of [undefined, {}, { verify: true }, { verify: undefined }])
      expect(optionsFor('amqps', tls)).to.include({ rejectUnauthorized: true, minVersion: 'TLSv1.2' });
  });

  it('keep the least version also where nothing is verified', () => {
    const insecure = optionsFor('amqps', { verify: false });
    expect(insecure).to.include({ rejectUnauthorized: false, minVersion: 'TLSv1.2' });
  });

  it('are given to encrypted connections only', () => {
    expect(optionsFor('amqp', { verify: false })).not.to.have.any.keys('rejectUnauthorized', 'minVersion');
  });
});
