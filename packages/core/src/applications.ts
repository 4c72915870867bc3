/**
 * Registering applications on the event bus: a durable queue each, bound to the events it wants, from the moment
 * it registers, so that nothing sent before its first start is lost. The list of them is kept in the broker.
 * Publishes and consumes nothing.
 */
import type { Declarer } from './amqp/declare.js';
import { RegistryQueue } from './amqp/registry-queue.js';
import type { Session } from './amqp/session.js';
import { applicationQueue, type Topology } from './amqp/topology.js';
import type { Clock } from './clock.js';
import type { Config } from './config/types.js';
import { CeleriacError } from './errors.js';

/** An application as the registry knows it. */
export interface RegisteredApplication {
  readonly name: string;
  readonly queue: string;
  /** Routing patterns, sorted. */
  readonly patterns: readonly string[];
  /** ISO 8601. */
  readonly registeredAt: string;
  /** ISO 8601; present while event handlers are told to take none of its events. */
  readonly pausedAt?: string;
}

export interface ApplicationsParts {
  readonly config: Config;
  readonly session: Session;
  readonly declarer: Declarer;
  readonly clock: Clock;
}

/** The queue that holds the list. */
export const registryQueueName = 'celeriac.applications';

/** What has to exist for an application. */
export function applicationTopology(config: Config, name: string, patterns: readonly string[]): Topology {
  return applicationQueue({
    queue: applicationQueueName(config, name),
    exchange: config.events.exchange,
    type: config.events.queue_type,
    deadLetterExpiry: config.event_handler.dead_letter_expiry,
    patterns,
  });
}

/** Throws ERR_INPUT_INVALID for a name that cannot be part of a queue's name. */
export function applicationQueueName(config: Config, name: string, prefix?: string): string {
  const queue = `${prefix ?? config.events.queue_prefix}${name}`;
  if (/^[\w.:-]+$/u.test(name) && Buffer.byteLength(queue) <= 200) return queue;
  throw new CeleriacError('ERR_INPUT_INVALID', {
    message: `'${name}' is not a name for an application.`,
    hint: 'Use letters, digits, dot, colon, hyphen and underscore, at most 200 bytes with the queue prefix.',
    values: { name },
  });
}

export class Applications {
  #parts: ApplicationsParts;
  #registry: RegistryQueue;

  constructor(parts: ApplicationsParts) {
    const { session, clock, config } = parts;
    this.#parts = parts;
    this.#registry = new RegistryQueue({
      session,
      clock,
      queue: registryQueueName,
      holds: 'the list of applications',
      type: config.events.queue_type,
    });
  }

  /** Sorted by name. Declares nothing where none was ever registered. */
  async list(): Promise<readonly RegisteredApplication[]> {
    return (await this.#registry.updateIfAny(known)) ?? [];
  }

  /**
   * Declares the application's queue, binds it, and enters it into the list. With `exact`, patterns it had and no
   * longer names are unbound; without, they stay (a rolling deploy runs old and new side by side).
   */
  async register(
    name: string,
    patterns: readonly string[],
    options: { readonly exact?: boolean } = {},
  ): Promise<RegisteredApplication> {
    const { config, declarer, clock } = this.#parts;
    await declarer.declare(applicationTopology(config, name, patterns));
    const dropped: string[] = [];
    const all = await this.#registry.update((document) => {
      const before = known(document).find((application) => application.name === name);
      const old = before?.patterns ?? [];
      if (options.exact === true) dropped.push(...old.filter((pattern) => !patterns.includes(pattern)));
      const kept = options.exact === true ? [] : old;
      const application: RegisteredApplication = {
        name,
        queue: applicationQueueName(config, name),
        patterns: [...new Set([...kept, ...patterns])].sort(),
        registeredAt: before?.registeredAt ?? new Date(clock.now()).toISOString(),
        ...(before?.pausedAt === undefined ? {} : { pausedAt: before.pausedAt }),
      };
      return [...known(document).filter((other) => other.name !== name), application].sort(byName);
    });
    const application = all.find((one) => one.name === name) as RegisteredApplication;
    await this.#unbind(application.queue, dropped);
    return application;
  }

  /** Takes an application off the list and unbinds it. Its queue stays, with what is in it. True if it was there. */
  async unregister(name: string): Promise<boolean> {
    let gone: RegisteredApplication | undefined;
    await this.#registry.update((document) => {
      gone ??= known(document).find((application) => application.name === name); // it may be called again
      return known(document).filter((application) => application.name !== name);
    });
    if (gone === undefined) return false;
    await this.#unbind(gone.queue, gone.patterns);
    return true;
  }

  /**
   * Notes that no event handler is to take its events; they wait in its queue. Handlers that run have to be told to look
   * (`tellEventHandlers`). Resolves with the application; rejects with ERR_INPUT_INVALID where it is not registered.
   */
  pause(name: string): Promise<RegisteredApplication> {
    const now = new Date(this.#parts.clock.now()).toISOString();
    return this.#change(name, (application) => ({ ...application, pausedAt: application.pausedAt ?? now }));
  }

  /** Takes `pause` back. Resolves and rejects as it does. */
  resume(name: string): Promise<RegisteredApplication> {
    return this.#change(name, ({ pausedAt: _, ...application }) => application);
  }

  async #change(
    name: string,
    change: (application: RegisteredApplication) => RegisteredApplication,
  ): Promise<RegisteredApplication> {
    const all = await this.#registry.updateIfAny((document) =>
      known(document).map((application) => (application.name === name ? change(application) : application)),
    );
    const changed = all?.find((application) => application.name === name);
    if (changed === undefined) throw notRegistered(name, all ?? []);
    return changed;
  }

  async #unbind(queue: string, patterns: readonly string[]): Promise<void> {
    const { declarer, config } = this.#parts;
    await declarer.unbind(
      patterns.map((routingKey) => ({ queue, exchange: config.events.exchange, routingKey })),
    );
  }
}

function notRegistered(name: string, all: readonly RegisteredApplication[]): CeleriacError {
  const names = all.map((application) => application.name);
  return new CeleriacError('ERR_INPUT_INVALID', {
    message: `No application '${name}' is registered.`,
    hint:
      names.length === 0
        ? 'Register it first: celeriac applications register, or start its event handler.'
        : `Name one of these: ${names.slice(0, 20).join(', ')}.`,
    values: { name },
  });
}

function byName(a: RegisteredApplication, b: RegisteredApplication): number {
  return a.name < b.name ? -1 : 1;
}

/** The document's entries that are applications; whatever else it holds is dropped at the next write. */
function known(document: unknown): RegisteredApplication[] {
  return Array.isArray(document) ? document.filter(isApplication) : [];
}

function isApplication(item: unknown): item is RegisteredApplication {
  if (typeof item !== 'object' || item === null) return false;
  const { name, queue, patterns } = item as Partial<RegisteredApplication>;
  return typeof name === 'string' && typeof queue === 'string' && Array.isArray(patterns);
}
