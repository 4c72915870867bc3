/**
 * The connections that work on queues needs, each opened when it is needed first. Reading and publishing have
 * one each: a broker that blocks publishers does not read their acknowledgements either.
 */
import {
  type BrokerOptions,
  isOneBroker,
  openPublishing,
  openSession,
  type Publishing,
  type Section,
} from '../broker.js';
import type { Session } from '../amqp/session.js';
import type { Config } from '../config/types.js';

export class Brokers {
  #options: BrokerOptions;
  #reading = new Map<Section, Session>();
  #publishing = new Map<Section, Publishing>();

  #role: string;

  /** `role`: part of the names of its reading connections. */
  constructor(options: BrokerOptions, role = 'dead letters') {
    this.#options = options;
    this.#role = role;
  }

  reading(section: Section): Session {
    const key = this.#key(section);
    const { consumer_heartbeat: heartbeat } = this.#options.config.events;
    const session =
      this.#reading.get(key) ?? openSession(this.#options, { section: key, role: this.#role, heartbeat });
    this.#reading.set(key, session);
    return session;
  }

  publishing(section: Section): Publishing {
    const key = this.#key(section);
    const publishing = this.#publishing.get(key) ?? openPublishing(this.#options, key);
    this.#publishing.set(key, publishing);
    return publishing;
  }

  async close(): Promise<void> {
    const all = [...this.#publishing.values()].map(async ({ sink, session }) => {
      const closed = sink.close();
      await session.close();
      await closed;
    });
    await Promise.all([...all, ...[...this.#reading.values()].map((session) => session.close())]);
  }

  #key(section: Section): Section {
    return isOneBroker(this.#options.config) ? 'tasks' : section;
  }
}

/** Where a queue is: those of applications are known by what their names start with. */
export function sectionOf(config: Config, queue: string): Section {
  const prefixes = [config.events, ...Object.values(config.event_handler.workers)].map(
    ({ queue_prefix: prefix }) => prefix,
  );
  return prefixes.some((prefix) => prefix !== '' && queue.startsWith(prefix)) ? 'events' : 'tasks';
}

/** The task queues that the configuration names, without those of others. */
export function configuredQueues({ task_handler: handler, tasks }: Config): readonly string[] {
  return [...new Set([...handler.queues, tasks.default_queue, ...Object.values(tasks.routes)])];
}
