/**
 * From configuration to connections: opens the sessions a process needs, named after what they are for. Publishing
 * and consuming never share one: while the broker blocks a publisher it does not read that connection's acks.
 */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, extname } from 'node:path';

import type { BrokerEndpoint, TlsSettings } from './amqp/broker-endpoint.js';
import { ConfirmPublisher } from './amqp/confirm-publisher.js';
import { Declarer } from './amqp/declare.js';
import { Session } from './amqp/session.js';
import { TransientPublisher } from './amqp/transient-publisher.js';
import type { Clock } from './clock.js';
import type { ConnectionString } from './config/connection-string.js';
import type { Config } from './config/types.js';
import { embeddedEndpoint } from './embedded.js';
import { CeleriacError, errorText } from './errors.js';
import type { Logger } from './logger.js';
import { eventExchange } from './monitoring/topology.js';

/** Which connection string counts: tasks and events may live on different brokers. */
export type Section = 'tasks' | 'events';

export interface BrokerOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly access: BrokerAccess;
}

/** What has to be there before a connection can be opened. */
export interface BrokerAccess {
  readonly tls: TlsSettings | undefined;
  /** Where the embedded brokers of `memory://` addresses listen. */
  readonly embedded: ReadonlyMap<BrokerEndpoint, BrokerEndpoint>;
}

/** A connection for publishing, with what is needed to publish. */
export interface Publishing {
  readonly session: Session;
  readonly sink: ConfirmPublisher;
  /** For events of monitoring; opens its channel at the first one. */
  readonly transient: TransientPublisher;
  readonly declarer: Declarer;
}

export function openPublishing(options: BrokerOptions, section: Section): Publishing {
  const { publisher_heartbeat: heartbeat } = options.config.events;
  return publishingOver(options, openSession(options, { section, role: 'publisher', heartbeat }));
}

/** Publishing over a connection that has another purpose as well, and is lost with it. */
export function publishingOver({ config, logger, clock }: BrokerOptions, session: Session): Publishing {
  const sink = new ConfirmPublisher({
    session,
    logger,
    clock,
    timeoutMs: config.tasks.publish_timeout * 1000,
    maxMessages: config.tasks.max_unsettled_messages,
    maxBytes: config.tasks.max_unsettled_bytes,
    maxMessageBytes: config.tasks.max_message_size,
  });
  const declarer = new Declarer({ session, logger, clock, create: config.tasks.declare_queues });
  const declare = (): Promise<void> => declarer.declare(eventExchange(config));
  const transient = new TransientPublisher({ session, logger, clock, declare });
  return { session, sink, transient, declarer };
}

export interface SessionPurpose {
  readonly section: Section;
  /** `publisher`, `worker`: part of the connection's name. */
  readonly role: string;
  /** Seconds. */
  readonly heartbeat: number;
  /** `raw` leaves the properties of deliveries unread. */
  readonly properties?: 'read' | 'raw' | undefined;
}

export function openSession(
  options: BrokerOptions,
  { section, role, heartbeat, properties }: SessionPurpose,
): Session {
  const { config, logger, clock } = options;
  const { tls, embedded } = options.access;
  const endpoints = connectionString(config, section).addresses.map(
    (address) => embedded.get(address) ?? address,
  );
  warnOfRisks(endpoints, { heartbeat, tls, role, logger });
  return new Session({
    name: `${serviceName(config)} ${role} (${process.pid}@${hostname()})`,
    endpoints,
    heartbeat,
    tcpKeepalive: config.events.tcp_keepalive_timeout,
    connectTimeout: config.events.connect_timeout,
    reconnectMaxDelay: config.events.reconnect_max_delay,
    tls,
    properties,
    logger,
    clock,
  });
}

interface Risks {
  readonly heartbeat: number;
  readonly tls: TlsSettings | undefined;
  readonly role: string;
  readonly logger: Logger;
}

/** What is allowed and may hurt is said at every start. */
function warnOfRisks(endpoints: readonly BrokerEndpoint[], { heartbeat, tls, role, logger }: Risks): void {
  if (endpoints.some((one) => (one.heartbeat ?? heartbeat) === 0)) {
    logger.warn('heartbeats are off: a connection that a firewall drops silently will not be noticed', {
      role,
    });
  }
  if (tls?.verify === false && endpoints.some(({ protocol }) => protocol === 'amqps')) {
    logger.warn('tls.verify is off: any certificate is accepted, also one of an attacker', { role });
  }
}

/** The connection string a section uses; without one of their own, tasks have that of events. */
export function connectionString(config: Config, section: Section): ConnectionString {
  return config[section].connection_string;
}

/** True when tasks and events go to the same broker, so that one publishing connection serves both. */
export function isOneBroker(config: Config): boolean {
  return connectionString(config, 'tasks') === connectionString(config, 'events');
}

/** The configured service name, else the name of the program. */
export function serviceName(config: Config): string {
  if (config.service !== null) return config.service;
  const program = basename(process.argv[1] ?? 'celeriac');
  return program.slice(0, program.length - extname(program).length);
}

/**
 * Reads the certificate files and starts the embedded brokers that the configuration names. Rejects with
 * ERR_CONFIG_UNREADABLE, naming the key and the file, or with ERR_EMBEDDED_BROKER.
 */
export async function brokerAccess(config: Config, logger: Logger): Promise<BrokerAccess> {
  const embedded = new Map<BrokerEndpoint, BrokerEndpoint>();
  const strings = new Set([config.tasks.connection_string, config.events.connection_string]);
  for (const address of [...strings].flatMap(({ addresses }) => addresses)) {
    if (address.protocol === 'memory') embedded.set(address, await embeddedEndpoint(address, logger));
  }
  return { tls: await loadTls(config), embedded };
}

async function loadTls(config: Config): Promise<TlsSettings | undefined> {
  const { tls } = config;
  const [ca, cert, key] = await Promise.all([
    read('tls.ca', tls.ca),
    read('tls.cert', tls.cert),
    read('tls.key', tls.key),
  ]);
  return { ca, cert, key, serverName: tls.server_name, verify: tls.verify };
}

async function read(key: string, path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (cause) {
    throw new CeleriacError('ERR_CONFIG_UNREADABLE', {
      message: `Cannot read the file of ${key}: ${errorText(cause)}.`,
      hint: 'Correct the path, or let the process read the file.',
      values: { key, path },
      cause,
    });
  }
}

/** How Celery names a producer. */
export function producerName(): string {
  return `gen${process.pid}@${hostname()}`;
}
