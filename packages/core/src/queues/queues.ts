/**
 * The queues of a configuration for whoever looks after a service: how full they are, and a way to empty one. Reads
 * by passive declarations only, so it needs no management API; declares nothing.
 */
import { delayTopologies } from '../amqp/delayed-delivery.js';
import { type QueueCount, QueueCounter } from '../amqp/queue-counts.js';
import { messageCount, purgeMessages } from '../amqp/queue-visit.js';
import type { QueueSpec, Topology } from '../amqp/topology.js';
import { Applications, applicationTopology } from '../applications.js';
import { brokerAccess, type Section } from '../broker.js';
import { type Clock, systemClock } from '../clock.js';
import { type Duration, parseDuration } from '../config/duration.js';
import type { ConfigInput } from '../config/input.js';
import { type ConfigSource, loadConfig } from '../config/load.js';
import type { Config } from '../config/types.js';
import { Brokers, configuredQueues, sectionOf } from '../dead-letters/brokers.js';
import { findMessage, type FoundMessage } from './find-message.js';
import { guarded, type Logger, silentLogger } from '../logger.js';
import { checkedQueueName } from '../policy/queue-name.js';
import { taskTopology } from '../task-sender.js';

export interface QueuesOptions {
  /** A file (YAML or JSON), or the configuration itself. Default: environment variables and defaults only. */
  readonly config?: ConfigSource;
  readonly overrides?: ConfigInput;
  /** Default: writes nothing. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How long the broker may take for one answer. Default 30 s. */
  readonly timeout?: Duration;
}

/** `task` and `application` queues have consumers; `dead-letter` and `delay` queues never do. */
export type QueuePurpose = 'task' | 'application' | 'dead-letter' | 'delay' | 'other';

export interface QueueReport {
  readonly queue: string;
  readonly purpose: QueuePurpose;
  /** `missing`: not declared yet. `refused`: the user may not look at it. */
  readonly state: QueueCount['state'];
  /** Messages that wait; those in the hands of consumers are not among them. Undefined unless it exists. */
  readonly messages: number | undefined;
  readonly consumers: number | undefined;
  /** As this configuration declares it, which is not what a queue has that was there before. Undefined for others. */
  readonly type: 'quorum' | 'classic' | undefined;
  readonly arguments: Readonly<Record<string, unknown>>;
}

interface Known {
  readonly spec: QueueSpec;
  readonly purpose: QueuePurpose;
  readonly section: Section;
}

/** Rejects with ERR_CONFIG_… or ERR_CONNECTION_STRING for a bad configuration; connects when it is used. */
export async function openQueues(options: QueuesOptions = {}): Promise<Queues> {
  const { config: source = {}, env, overrides, clock = systemClock, timeout = 30 } = options;
  const timeoutMs = parseDuration(timeout) * 1000;
  const config = await loadConfig(source, { env, overrides });
  const logger = guarded(options.logger ?? silentLogger);
  const access = await brokerAccess(config, logger);
  const brokers = new Brokers({ config, logger, clock, access }, 'queues');
  return new Queues({ config, clock, timeoutMs, brokers });
}

export type { Queues };

interface Parts {
  readonly config: Config;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly brokers: Brokers;
}

class Queues implements AsyncDisposable {
  #parts: Parts;
  #counters = new Map<Section, QueueCounter>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * These queues; by default those of the configuration and of registered applications, each followed by its
   * dead-letter queue, then the delay queues. Rejects with ERR_BROKER_…, ERR_ACCESS_REFUSED or ERR_CHANNEL_CLOSED.
   */
  async list(queues?: readonly string[]): Promise<readonly QueueReport[]> {
    const known = new Map([...this.#taskQueues(), ...(await this.#applicationQueues())].map(byName));
    if (queues !== undefined)
      return this.#reports(queues.map((queue) => known.get(queue) ?? this.#other(queue)));
    return [...(await this.#reports([...known.values()])), ...(await this.#delayQueues())];
  }

  /** Messages that wait in it. Rejects with ERR_TOPOLOGY_MISSING where there is no such queue. */
  count(queue: string): Promise<number> {
    return messageCount(this.#visiting(queue));
  }

  /**
   * The message of this id among the first `most` that wait in a queue. It takes nothing away, but workers do without what
   * it looks at meanwhile, and to the broker that has been delivered. Rejects with ERR_TOPOLOGY_MISSING.
   */
  find(queue: string, id: string, { most }: { readonly most: number }): Promise<FoundMessage | undefined> {
    return findMessage({ ...this.#visiting(queue), id, most });
  }

  /** Throws away all that wait in it at that moment, and resolves with how many they were. It cannot be undone. */
  purge(queue: string): Promise<number> {
    return purgeMessages(this.#visiting(queue));
  }

  /** Closes the connections. Idempotent. */
  close(): Promise<void> {
    return this.#parts.brokers.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #taskQueues(): readonly Known[] {
    const { config } = this.#parts;
    return configuredQueues(config).flatMap((queue) =>
      knownOf(taskTopology(config, queue), { queue, purpose: 'task', section: 'tasks' }),
    );
  }

  async #applicationQueues(): Promise<readonly Known[]> {
    const { config, clock, timeoutMs, brokers } = this.#parts;
    const { session, declarer } = brokers.publishing('events');
    await session.ready({ timeoutMs });
    const applications = await new Applications({ config, session, declarer, clock }).list();
    return applications.flatMap(({ name, queue, patterns }) =>
      knownOf(applicationTopology(config, name, patterns), {
        queue,
        purpose: 'application',
        section: 'events',
      }),
    );
  }

  /** They are declared from the lowest up: without that one there is none. */
  async #delayQueues(): Promise<readonly QueueReport[]> {
    const topologies = delayTopologies(this.#parts.config.tasks.delayed_delivery_queue_type);
    const [lowest, ...others] = topologies.flatMap(({ queues }) =>
      queues.map((spec): Known => ({ spec, purpose: 'delay', section: 'tasks' })),
    );
    if (lowest === undefined) return [];
    const first = await this.#reports([lowest]);
    return first[0]?.state === 'missing' ? [] : [...first, ...(await this.#reports(others))];
  }

  #other(queue: string): Known {
    const { config } = this.#parts;
    const spec = { name: checkedQueueName(queue), arguments: {} };
    return { spec, purpose: 'other', section: sectionOf(config, queue) };
  }

  async #reports(all: readonly Known[]): Promise<readonly QueueReport[]> {
    const reports: QueueReport[] = [];
    for (const { spec, purpose, section } of all) {
      const count = await this.#counter(section).count(spec.name);
      const isThere = count.state === 'exists';
      reports.push({
        queue: spec.name,
        purpose,
        state: count.state,
        messages: isThere ? count.messages : undefined,
        consumers: isThere ? count.consumers : undefined,
        type: purpose === 'other' ? undefined : typeOf(spec),
        arguments: plain(spec.arguments),
      });
    }
    return reports;
  }

  #counter(section: Section): QueueCounter {
    const { clock, timeoutMs, brokers } = this.#parts;
    const counter =
      this.#counters.get(section) ??
      new QueueCounter({ session: brokers.reading(section), clock, timeoutMs });
    this.#counters.set(section, counter);
    return counter;
  }

  #visiting(queue: string): Parameters<typeof messageCount>[0] {
    const { config, clock, timeoutMs, brokers } = this.#parts;
    const session = brokers.reading(sectionOf(config, checkedQueueName(queue)));
    return { session, clock, queue, timeoutMs };
  }
}

interface Place {
  readonly queue: string;
  readonly purpose: QueuePurpose;
  readonly section: Section;
}

/** The queue itself first, whatever the order of declaration. */
function knownOf({ queues }: Topology, { queue, purpose, section }: Place): readonly Known[] {
  return queues
    .map((spec): Known => ({ spec, purpose: spec.name === queue ? purpose : 'dead-letter', section }))
    .sort((a, b) => Number(a.purpose === 'dead-letter') - Number(b.purpose === 'dead-letter'));
}

function byName(known: Known): readonly [string, Known] {
  return [known.spec.name, known];
}

function typeOf({ arguments: args }: QueueSpec): 'quorum' | 'classic' {
  return args['x-queue-type'] === 'quorum' ? 'quorum' : 'classic';
}

/** Numbers whose width on the wire is given are written as numbers. */
function plain(args: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => [
      name,
      typeof value === 'object' && value !== null && 'value' in value ? value.value : value,
    ]),
  );
}
