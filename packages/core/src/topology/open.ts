/** Opens the topology of a configuration for whoever looks after a service. Connects when it is used. */
import { brokerAccess } from '../broker.js';
import { type Clock, systemClock } from '../clock.js';
import { type Duration, parseDuration } from '../config/duration.js';
import type { ConfigInput } from '../config/input.js';
import { type ConfigSource, loadConfig } from '../config/load.js';
import { Brokers } from '../dead-letters/brokers.js';
import { guarded, type Logger, silentLogger } from '../logger.js';
import { BrokerTopology } from './broker-topology.js';

export interface TopologyOptions {
  /** A file (YAML or JSON), or the configuration itself. Default: environment variables and defaults only. */
  readonly config?: ConfigSource;
  readonly overrides?: ConfigInput;
  /** Task queues that the configuration does not name. */
  readonly queues?: readonly string[];
  /** Applications with their routing patterns, beside those that are registered. */
  readonly applications?: readonly { readonly name: string; readonly patterns: readonly string[] }[];
  /** Default: writes nothing. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How long the broker may take for one answer. Default 30 s. */
  readonly timeout?: Duration;
}

/** Rejects with ERR_CONFIG_… or ERR_CONNECTION_STRING for a bad configuration. */
export async function openTopology(options: TopologyOptions = {}): Promise<BrokerTopology> {
  const { config: source = {}, env, overrides, clock = systemClock, timeout = 30 } = options;
  const { queues = [], applications = [] } = options;
  const timeoutMs = parseDuration(timeout) * 1000;
  const config = await loadConfig(source, { env, overrides });
  const logger = guarded(options.logger ?? silentLogger);
  const access = await brokerAccess(config, logger);
  const brokers = new Brokers({ config, logger, clock, access }, 'topology');
  return new BrokerTopology({ config, also: { queues, applications }, logger, clock, timeoutMs, brokers });
}
