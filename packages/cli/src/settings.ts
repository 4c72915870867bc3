/** The configuration of a command: the file that was named, else `CELERIAC_CONFIG`, else ./celeriac.yaml, else defaults. */
import { existsSync } from 'node:fs';

import { type Config, type ConfigInput, type ConfigSource, loadConfig } from '@celeriac/core';

export interface ConfigOption {
  readonly config?: string;
}

const usualFile = 'celeriac.yaml';

export function configSource({ config }: ConfigOption): ConfigSource {
  return config ?? fromEnvironment() ?? (existsSync(usualFile) ? usualFile : {});
}

/** An empty variable is an unset one: composed environments cannot leave one out. */
function fromEnvironment(): string | undefined {
  const file = process.env.CELERIAC_CONFIG;
  return file === '' ? undefined : file;
}

/** Rejects with ERR_CONFIG_… for anything that is wrong with it. */
export function settings(options: ConfigOption, overrides?: ConfigInput): Promise<Config> {
  return loadConfig(configSource(options), { overrides });
}
