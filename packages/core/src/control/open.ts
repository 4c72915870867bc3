/** Remote control for whoever looks after a service: with a connection of its own. */
import { randomUUID } from 'node:crypto';

import { brokerAccess, openPublishing } from '../broker.js';
import { type Clock, systemClock } from '../clock.js';
import { type ConfigSource, loadConfig } from '../config/load.js';
import type { ConfigInput } from '../config/input.js';
import { guarded, type Logger, silentLogger } from '../logger.js';
import { RemoteControl } from './remote-control.js';

export interface OpenRemoteControlOptions {
  /** A file (YAML or JSON), or the configuration itself. Default: environment variables and defaults only. */
  readonly config?: ConfigSource;
  readonly overrides?: ConfigInput;
  /** Default: writes nothing. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Remote control with its connection. Close it after use. */
export interface OpenedRemoteControl extends RemoteControl, AsyncDisposable {
  close(): Promise<void>;
}

/** Rejects with ERR_CONFIG_… or ERR_CONNECTION_STRING for a bad configuration; connects in the background. */
export async function openRemoteControl(
  options: OpenRemoteControlOptions = {},
): Promise<OpenedRemoteControl> {
  const { config: source = {}, env, overrides, clock = systemClock } = options;
  const config = await loadConfig(source, { env, overrides });
  const logger = guarded(options.logger ?? silentLogger);
  const access = await brokerAccess(config, logger);
  const { session, sink, declarer } = openPublishing({ config, logger, clock, access }, 'tasks');
  const close = async (): Promise<void> => {
    const closed = sink.close();
    await session.close();
    await closed;
  };
  const control = new RemoteControl({ config, session, declarer, clock, newId: randomUUID });
  return Object.assign(control, { close, [Symbol.asyncDispose]: close });
}
