/** The configuration of tests: what the test says, and nothing of the machine. Needs no connection string. */
import { type Config, type ConfigInput, type ConfigSource, loadConfig } from '@celeriac/core';

export interface TestConfigOptions {
  /** A file (YAML or JSON), or the configuration itself. Default: none. */
  readonly config?: ConfigSource;
  /** Variables that a configuration file may name, and `CELERIAC_…`. Default none: the machine's do not matter. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface TestConfig {
  readonly config: Config;
  /** What a worker or publisher is created with, to have the same. */
  readonly given: {
    readonly config: ConfigSource;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly overrides: ConfigInput;
  };
}

/** The service's name where none is configured: outside of tests that is the program's, here a test runner's. */
const service = 'test';

/** Rejects with ERR_CONFIG_… as `loadConfig` does. */
export async function loadTestConfig({ config = {}, env = {} }: TestConfigOptions): Promise<TestConfig> {
  const named = (await loadConfig(config, { env })).service === null ? { service } : {};
  const overrides = { ...named, ...untouched };
  const given = { config, env, overrides };
  return { config: Object.freeze(await loadConfig(config, { env, overrides })), given };
}

/**
 * A `redelivered` message of a test is one that the test made: counting it would put it into a queue that there is not.
 * And nobody is there who could ask a worker anything, or would miss its heartbeats.
 */
const untouched = {
  task_handler: { delivery_limit: 0, remote_control: 'off', heartbeat_interval: 0 },
  event_handler: { delivery_limit: 0 },
} as const;
