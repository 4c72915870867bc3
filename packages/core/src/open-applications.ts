/**
 * Applications for whoever looks after an event bus, with connections of its own: who is registered, how they fare, and
 * a way to hold one up. Handles no events.
 */
import { randomUUID } from 'node:crypto';

import { QueueCounter } from './amqp/queue-counts.js';
import {
  type ApplicationReport,
  applicationReports,
  type HandlersTold,
  tellEventHandlers,
} from './application-report.js';
import { Applications, type RegisteredApplication } from './applications.js';
import { brokerAccess } from './broker.js';
import { type Clock, systemClock } from './clock.js';
import { type Duration, parseDuration } from './config/duration.js';
import type { ConfigInput } from './config/input.js';
import { type ConfigSource, loadConfig } from './config/load.js';
import type { Config } from './config/types.js';
import { RemoteControl } from './control/remote-control.js';
import { Brokers } from './dead-letters/brokers.js';
import { eventPatterns } from './protocol/event-type.js';
import { guarded, type Logger, silentLogger } from './logger.js';

export interface OpenApplicationsOptions {
  /** A file (YAML or JSON), or the configuration itself. Default: environment variables and defaults only. */
  readonly config?: ConfigSource;
  readonly overrides?: ConfigInput;
  /** Default: writes nothing. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How long the broker may take to be reached, and for one answer. Default 30 s. */
  readonly timeout?: Duration;
}

/** What became of an application, and of those that handle its events. */
export type ApplicationTold = RegisteredApplication & HandlersTold;

/** Rejects with ERR_CONFIG_… or ERR_CONNECTION_STRING for a bad configuration; connects when it is used. */
export async function openApplications(options: OpenApplicationsOptions = {}): Promise<OpenedApplications> {
  const { config: source = {}, env, overrides, clock = systemClock, timeout = 30 } = options;
  const timeoutMs = parseDuration(timeout) * 1000;
  const config = await loadConfig(source, { env, overrides });
  const logger = guarded(options.logger ?? silentLogger);
  const access = await brokerAccess(config, logger);
  const brokers = new Brokers({ config, logger, clock, access }, 'applications');
  return new OpenedApplications({ config, clock, timeoutMs, brokers });
}

interface Parts {
  readonly config: Config;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly brokers: Brokers;
}

/** Every method also rejects with ERR_BROKER_…, ERR_ACCESS_REFUSED or ERR_REGISTRY_BUSY. */
export class OpenedApplications implements AsyncDisposable {
  #parts: Parts;

  /** @internal */
  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Declares its queue and binds it to exactly these patterns: `deal.created`, `*.deleted`, or a routing pattern.
   * Rejects with ERR_INPUT_INVALID for a name that cannot be.
   */
  async register(name: string, patterns: readonly string[]): Promise<RegisteredApplication> {
    const { events } = this.#parts.config;
    const spelt = patterns.flatMap((pattern) => eventPatterns(events, pattern));
    return (await this.#registry()).register(name, [...new Set(spelt)], { exact: true });
  }

  /** Unbinds it; its queue stays, with what is in it. True if it was there. */
  async unregister(name: string): Promise<boolean> {
    return (await this.#registry()).unregister(name);
  }

  /** Sorted by name. Takes a second longer than the broker: nobody knows how many event handlers answer. */
  async reports(): Promise<readonly ApplicationReport[]> {
    const { clock, timeoutMs } = this.#parts;
    const applications = await this.#registry();
    const { session } = this.#parts.brokers.publishing('events');
    const counter = new QueueCounter({ session, clock, timeoutMs });
    return applicationReports({ applications, counter, control: this.#control(), clock });
  }

  /**
   * No event handler takes its events from now on, also those that start later, until `resume`: they wait in its queue.
   * What handlers have in hand comes to its end. Resolves when those that run have been told, after two seconds.
   * Rejects with ERR_INPUT_INVALID where it is not registered.
   */
  async pause(name: string): Promise<ApplicationTold> {
    const application = await (await this.#registry()).pause(name);
    return { ...application, ...(await tellEventHandlers(this.#control(), name)) };
  }

  /** Takes `pause` back. Resolves and rejects as it does. */
  async resume(name: string): Promise<ApplicationTold> {
    const application = await (await this.#registry()).resume(name);
    return { ...application, ...(await tellEventHandlers(this.#control(), name)) };
  }

  /** Closes the connections. Idempotent. */
  close(): Promise<void> {
    return this.#parts.brokers.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #registry(): Promise<Applications> {
    const { config, clock, timeoutMs, brokers } = this.#parts;
    const { session, declarer } = brokers.publishing('events');
    await session.ready({ timeoutMs });
    return new Applications({ config, session, declarer, clock });
  }

  /** Workers hear it on the broker of tasks. */
  #control(): RemoteControl {
    const { config, clock, brokers } = this.#parts;
    const { session, declarer } = brokers.publishing('tasks');
    return new RemoteControl({ config, session, declarer, clock, newId: randomUUID });
  }
}
