/** What a worker is made with, and stopped with. Types only. */
import type {
  Clock,
  ConfigInput,
  ConfigSource,
  Duration,
  KeyStoreSource,
  ResultWriter,
  Logger,
  PayloadStore,
} from '@celeriac/core';

import type { OpenSide } from './side.js';

export interface WorkerOptions {
  /** A file (YAML or JSON), or the configuration itself. Default: environment variables and defaults only. */
  readonly config?: ConfigSource;
  /** Wins over file and environment, key by key. */
  readonly overrides?: ConfigInput;
  /** Default: writes nothing. */
  readonly logger?: Logger;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /**
   * Modules that register handlers: each exports `register(worker)`. Threads and processes load them as well, so
   * what runs there has to be registered by one. Paths are relative to the working directory.
   */
  readonly handlers?: string | URL | readonly (string | URL)[];
  /** Consume these task queues and no others. Default: all that the configuration names. */
  readonly queues?: readonly string[];
  /** Where bodies are that are too large for the broker. Default: none, and messages that need one are tried again later. */
  readonly payloadStore?: PayloadStore;
  /** Variables that override the configuration. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface StopOptions {
  /** How long running handlers may take. Default `task_handler.shutdown_grace`. */
  readonly grace?: Duration;
}

/** What a worker is made over. */
export interface Over {
  readonly open: OpenSide;
  /** There is no broker: all tasks run inline, and nothing is signed or verified, whatever the configuration says. */
  readonly isSimulated: boolean;
  /** Instead of the configured one. */
  readonly keyStore?: KeyStoreSource | undefined;
  /** Where results go without a broker. Default: nowhere. */
  readonly results?: ResultWriter | undefined;
}
