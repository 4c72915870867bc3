/** What a configuration needs on its brokers: listed, compared with what is there, made so. */
import { Declarer } from '../amqp/declare.js';
import type { DrainParts } from '../amqp/queue-drain.js';
import { TopologyProbe } from '../amqp/topology-probe.js';
import { Applications } from '../applications.js';
import type { Section } from '../broker.js';
import type { Clock } from '../clock.js';
import type { Config } from '../config/types.js';
import type { Brokers } from '../dead-letters/brokers.js';
import { isCeleriacError } from '../errors.js';
import type { Logger } from '../logger.js';
import { type ApplyOptions, applyPlan, type ApplyReport } from './apply.js';
import { type Also, type NeededTopology, neededTopology } from './needed.js';
import { planOf, type TopologyPlan } from './plan.js';

export interface BrokerTopologyParts {
  readonly config: Config;
  readonly also: Also;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly brokers: Brokers;
}

export class BrokerTopology implements AsyncDisposable {
  #parts: BrokerTopologyParts;
  #needed: Promise<readonly NeededTopology[]> | undefined;

  constructor(parts: BrokerTopologyParts) {
    this.#parts = parts;
  }

  /** Everything that is needed, as data, with the applications that are registered now. Declares nothing. */
  needed(): Promise<readonly NeededTopology[]> {
    this.#needed ??= this.#read();
    return this.#needed;
  }

  /** How the brokers differ from that. Declares nothing. Rejects with ERR_BROKER_… or ERR_CHANNEL_CLOSED. */
  async plan(): Promise<TopologyPlan> {
    const probes = new Map<Section, TopologyProbe>();
    const { brokers, clock, timeoutMs } = this.#parts;
    return planOf(await this.needed(), (section) => {
      const probe =
        probes.get(section) ?? new TopologyProbe({ session: brokers.reading(section), clock, timeoutMs });
      probes.set(section, probe);
      return probe;
    });
  }

  /**
   * Does what a plan says, also with `tasks.declare_queues: false`. Rejects with ERR_TOPOLOGY_IN_USE before anything is
   * changed where a queue that is to be moved has consumers, with ERR_TOPOLOGY_UNFINISHED where a move ended halfway:
   * the next `apply` goes on. No message is lost by that; 64 of a queue at most are doubled.
   */
  async apply(options: ApplyOptions = {}): Promise<ApplyReport> {
    const [needed, plan] = [await this.needed(), await this.plan()];
    const { brokers, logger, clock } = this.#parts;
    const declarers = new Map<Section, Declarer>();
    const declarerOf = (section: Section): Declarer => {
      const session = brokers.reading(section);
      const declarer = declarers.get(section) ?? new Declarer({ session, logger, clock, create: true });
      declarers.set(section, declarer);
      return declarer;
    };
    return applyPlan(
      { needed, plan, declarerOf, drainParts: (section) => this.#drainParts(section) },
      options,
    );
  }

  /** Closes the connections. Idempotent. */
  close(): Promise<void> {
    return this.#parts.brokers.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #drainParts(section: Section): DrainParts {
    const { brokers, clock, timeoutMs } = this.#parts;
    return { session: brokers.reading(section), sink: brokers.publishing(section).sink, clock, timeoutMs };
  }

  async #read(): Promise<readonly NeededTopology[]> {
    const { config, also, brokers, clock, timeoutMs } = this.#parts;
    const { session, declarer } = brokers.publishing('events');
    await session.ready({ timeoutMs });
    const registered = await new Applications({ config, session, declarer, clock }).list().catch(unreadable);
    return neededTopology(config, { ...also, applications: [...registered, ...(also.applications ?? [])] });
  }
}

/** The plan shows how the list's queue differs. */
function unreadable(error: unknown): readonly [] {
  if (isCeleriacError(error, 'ERR_TOPOLOGY_MISMATCH')) return [];
  throw error;
}
