/**
 * How a connection is opened, as data: addresses and settings in amqplib's and Node's words. Pure; holds the
 * password only to hand it on.
 */
import { isIP } from 'node:net';

import type { AmqpConnectionManagerOptions } from 'amqp-connection-manager';
import type { Options } from 'amqplib';

import type { BrokerAddressParts } from '../config/broker-address.js';

/** One address to try. A BrokerAddress is one, and keeps its password out of whatever shows it. */
export type BrokerEndpoint = BrokerAddressParts;

/** Certificates and checks for `amqps`, as contents, not paths. */
export interface TlsSettings {
  readonly ca?: Buffer | undefined;
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
  /** The name the certificate must be issued for, and the one sent as SNI. Default: each address's own host. */
  readonly serverName?: string | undefined;
  /** False accepts any certificate. Default true. */
  readonly verify?: boolean | undefined;
}

export interface ConnectionSettings {
  /** Shown by the management UI and `rabbitmqctl list_connections`. */
  readonly name: string;
  /** AMQP heartbeat, seconds; 0 turns it off. */
  readonly heartbeat: number;
  /** Idle seconds before TCP keepalive probes. */
  readonly tcpKeepalive: number;
  readonly tls?: TlsSettings | undefined;
  /** `raw` leaves the properties of deliveries unread, for one who hands `wire` on. Default `read`. */
  readonly properties?: 'read' | 'raw' | undefined;
}

/** What amqplib is given as the address: an object, never a URL (amqplib decodes passwords as Latin-1). */
export function endpointOptions(endpoint: BrokerEndpoint, heartbeat: number): Options.Connect {
  return {
    protocol: endpoint.protocol,
    hostname: endpoint.hostname,
    port: endpoint.port,
    username: endpoint.username,
    password: endpoint.password,
    vhost: encodeURIComponent(endpoint.vhost), // amqplib unescapes it
    heartbeat: endpoint.heartbeat ?? heartbeat,
  };
}

/** Socket options. `signal` destroys the socket, also one that is still connecting. */
export function connectionOptions(
  settings: ConnectionSettings,
  endpoint: BrokerEndpoint,
  signal: AbortSignal,
): NonNullable<AmqpConnectionManagerOptions['connectionOptions']> {
  const socket = {
    host: endpoint.hostname,
    port: endpoint.port,
    noDelay: true, // without it a message over 2 KiB waits for a delayed ACK: 44 ms instead of 0.2
    keepAlive: true,
    keepAliveDelay: settings.tcpKeepalive * 1000,
    signal,
    clientProperties: { connection_name: settings.name, product: 'Celeriac' },
  };
  return endpoint.protocol === 'amqps' ? { ...socket, ...tlsOptions(settings.tls ?? {}, endpoint) } : socket;
}

function tlsOptions(tls: TlsSettings, endpoint: BrokerEndpoint): Record<string, unknown> {
  const name = tls.serverName ?? (isIP(endpoint.hostname) === 0 ? endpoint.hostname : undefined);
  return {
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    ...(name === undefined ? {} : { servername: name }), // SNI holds names only (RFC 6066 §3)
    rejectUnauthorized: tls.verify ?? true,
    minVersion: 'TLSv1.2',
  };
}
