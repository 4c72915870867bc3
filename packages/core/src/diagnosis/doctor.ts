/**
 * Looks at everything a configuration names, thing by thing, and says what is so and what to do about it. Changes nothing:
 * what it declares on a broker is of its own connection, and workers are only asked.
 */
import { TopologyProbe } from '../amqp/topology-probe.js';
import type { QueueSpec } from '../amqp/topology.js';
import { Applications, applicationTopology } from '../applications.js';
import {
  type BrokerAccess,
  brokerAccess,
  isOneBroker,
  openPublishing,
  type Section,
  serviceName,
} from '../broker.js';
import { type Clock, systemClock } from '../clock.js';
import { type Duration, parseDuration } from '../config/duration.js';
import type { ConfigInput } from '../config/input.js';
import { type ConfigSource, loadConfig } from '../config/load.js';
import type { Config } from '../config/types.js';
import { openRemoteControl } from '../control/open.js';
import { configuredQueues } from '../dead-letters/brokers.js';
import { guarded, type Logger, silentLogger } from '../logger.js';
import { openEventReceiver } from '../monitoring/event-receiver.js';
import { RedisConnection } from '../redis/redis-connection.js';
import type { RedisAddress } from '../redis/redis-address.js';
import { loadSigning } from '../signing/signing.js';
import { taskTopology } from '../task-sender.js';
import { connectCheck, connectionChecks, nodeCheck, roundTripCheck } from './broker-checks.js';
import { type Check, ok, skipped } from './check.js';
import { failure } from './failure.js';
import { redisChecks } from './redis-checks.js';
import { queueCheck } from './queue-check.js';
import { type WorkerCheckParts, workerChecks } from './worker-checks.js';

export interface DiagnoseOptions {
  /** A file (YAML or JSON), or the configuration itself. Default: environment variables and defaults only. */
  readonly config?: ConfigSource;
  readonly overrides?: ConfigInput;
  /** Told of connections. Default: writes nothing. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How long a broker or a server may take for one answer. Default 10 s. */
  readonly timeout?: Duration;
  /** How long workers have to answer. Default 1 s. */
  readonly workers?: Duration;
}

interface Parts {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly access: BrokerAccess;
  readonly timeoutMs: number;
}

/** One check after the other, as they are made. Never throws for what it looks at: that is a check that failed. */
export async function* diagnose(options: DiagnoseOptions = {}): AsyncGenerator<Check, void, undefined> {
  yield nodeCheck(process.versions.node);
  const parts = await partsOf(options).catch((error: unknown) => failure('configuration', error));
  if ('state' in parts) {
    yield parts;
    return;
  }
  yield ok('configuration', 'valid');
  const sections: readonly Section[] = isOneBroker(parts.config) ? ['tasks'] : ['tasks', 'events'];
  let isReached = true;
  for (const section of sections) {
    for await (const check of brokerChecks(section, parts)) {
      if (section === 'tasks' && check.state === 'failed' && !check.subject.startsWith('queue '))
        isReached = false;
      yield check;
    }
  }
  yield* await resultChecks(parts);
  yield* await keyChecks(parts);
  if (isReached) yield* await workerChecks(workerParts(parts, options));
  else yield skipped('workers', 'cannot be asked before that');
}

/** Rejects for a configuration that cannot be used. */
async function partsOf(options: DiagnoseOptions): Promise<Parts> {
  const { config: source = {}, env, overrides, clock = systemClock, timeout = 10 } = options;
  const logger = guarded(options.logger ?? silentLogger);
  const config = await loadConfig(source, { env, overrides });
  await loadSigning(config, clock);
  const access = await brokerAccess(config, logger);
  return { config, logger, clock, access, timeoutMs: parseDuration(timeout) * 1000 };
}

function workerParts(
  { clock, logger }: Parts,
  { config = {}, env, overrides, workers = 1 }: DiagnoseOptions,
): WorkerCheckParts {
  const common = {
    ...{ config, logger, clock },
    ...(env === undefined ? {} : { env }),
    ...(overrides === undefined ? {} : { overrides }),
  };
  return {
    clock,
    waitMs: parseDuration(workers) * 1000,
    openControl: () => openRemoteControl(common),
    openEvents: (onEvent) => openEventReceiver({ ...common, onEvent, types: ['worker-*'] }),
  };
}

async function* brokerChecks(section: Section, parts: Parts): AsyncGenerator<Check> {
  const { config, clock, timeoutMs } = parts;
  const of = isOneBroker(config) ? 'tasks and events' : section;
  const { session, sink, declarer } = openPublishing(parts, section);
  const probing = { session, clock, timeoutMs };
  try {
    const { check, probe } = await connectCheck(of, probing);
    yield check;
    if (probe === undefined) return;
    yield* connectionChecks(of, probe.facts, config);
    const roundTrip = await roundTripCheck(of, probe, probing);
    yield roundTrip;
    if (roundTrip.state === 'failed') {
      // It reads nothing more of this connection.
      yield skipped(`queues of ${of}`, 'cannot be looked at before that');
      return;
    }
    const queues = new TopologyProbe(probing);
    if (section === 'tasks') for (const queue of taskQueues(config)) yield await queueCheck(queues, queue);
    if (section === 'events' || isOneBroker(config))
      yield* applicationChecks(queues, new Applications({ config, session, declarer, clock }), config);
  } catch (error) {
    yield failure(`connection to the broker of ${of}`, error); // it went meanwhile
  } finally {
    const closed = sink.close();
    await session.close();
    await closed;
  }
}

function taskQueues(config: Config): readonly QueueSpec[] {
  return configuredQueues(config).flatMap((queue) => taskTopology(config, queue).queues);
}

async function* applicationChecks(
  probe: TopologyProbe,
  applications: Applications,
  config: Config,
): AsyncGenerator<Check> {
  const list = await applications.list().catch((error: unknown) => failure('applications', error));
  if ('state' in list) {
    yield list;
    return;
  }
  if (list.length === 0) yield skipped('applications', 'none is registered');
  else yield ok('applications', `registered: ${list.map(({ name }) => name).join(', ')}`);
  for (const { name, patterns } of list)
    for (const queue of applicationTopology(config, name, patterns).queues)
      yield await queueCheck(probe, queue);
}

async function resultChecks({ config, ...parts }: Parts): Promise<readonly Check[]> {
  const { result_backend: backend } = config.tasks;
  if (backend === undefined) return [skipped('results', 'no tasks.result_backend: they are not kept')];
  if (backend.kind === 'rpc') return [ok('results', 'rpc: they come back over the broker')];
  return redisChecks(
    'results',
    () => openRedis('results', backend.address, { config, ...parts }),
    parts.clock,
  );
}

async function keyChecks({ config, ...parts }: Parts): Promise<readonly Check[]> {
  const { connection_string: address } = config.key_store;
  if (address === 'memory://')
    return [ok('key store', 'memory: each process remembers its own keys (key_store.connection_string)')];
  return redisChecks('key store', () => openRedis('key store', address, { config, ...parts }), parts.clock);
}

/** It is waited for to its end, also where nothing listens. */
const longestConnectMs = 5_000;

function openRedis(what: string, address: RedisAddress, parts: Parts): Promise<RedisConnection> {
  const { config, logger, clock, access, timeoutMs } = parts;
  const name = `${serviceName(config)} doctor ${what}`;
  const times = { connectTimeoutMs: Math.min(timeoutMs, longestConnectMs), commandTimeoutMs: timeoutMs };
  return RedisConnection.open(address, { name, logger, clock, tls: access.tls, ...times });
}
