/** A beat that runs: its connection, its place in the line, and the leader while it is active. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

import {
  beatTopology,
  brokerAccess,
  BrokerTaskSender,
  type CeleriacError,
  type Clock,
  type Config,
  Declarer,
  keyStoreSource,
  type KeyStoreSource,
  loadSigning,
  type Logger,
  openSession,
  PayloadCheckIn,
  type PayloadStore,
  prepareTask,
  producerName,
  publishingOver,
  type SectionSigning,
  serviceName,
  type Session,
  signingSink,
  type Tell,
  waitAtMost,
} from '@celeriac/core';

import type { BeatEvents } from './beat-events.js';
import { Contender } from './contender.js';
import { Leader } from './leader.js';
import type { Lease, LeaseOptions } from './lease.js';
import type { Schedule } from './schedule.js';
import { invalid } from './schedule-error.js';

export interface RunningBeatOptions {
  readonly config: Config;
  readonly schedules: readonly Schedule[];
  readonly logger: Logger;
  readonly clock: Clock;
  readonly tell: Tell<BeatEvents>;
  readonly payloadStore?: PayloadStore | undefined;
}

interface Parts {
  readonly session: Session;
  readonly signing: SectionSigning;
  readonly openSink: () => LeaseOptions['sink'];
  readonly keyStore: KeyStoreSource;
}

/** How long a round that is under way may take to end. */
const lastRoundMs = 5_000;

export class RunningBeat {
  #options: RunningBeatOptions;
  #parts: Parts;
  #declarer: Declarer;
  #contender: Contender;
  #leading: Promise<void> = Promise.resolve();
  #isActive = false;
  #stopping = new AbortController();
  #inLine: Promise<void>;

  private constructor(options: RunningBeatOptions, parts: Parts) {
    const { config, logger, clock } = options;
    const { session, openSink } = parts;
    this.#options = options;
    this.#parts = parts;
    const { declare_queues: create, queue_type: type } = config.tasks;
    this.#declarer = new Declarer({ session, logger, clock, create });
    let onSubscribed: () => void = () => undefined;
    let onFailed: (error: CeleriacError) => void = () => undefined;
    this.#inLine = new Promise((resolve, reject) => {
      onSubscribed = resolve;
      onFailed = reject;
    });
    this.#inLine.catch(() => undefined); // whoever starts it is told, if he waits
    const { queue } = config.beat;
    this.#contender = new Contender({
      queue,
      topology: beatTopology(queue, type),
      session,
      declarer: this.#declarer,
      logger,
      clock,
      openSink,
      onTurn: (lease) => {
        this.#leading = this.#lead(lease);
      },
      onSubscribed,
      onFailed,
    });
  }

  /** Checks every schedule as sending it would; then connects, in the background. */
  static async open(options: RunningBeatOptions): Promise<RunningBeat> {
    const { config, logger, clock, schedules } = options;
    const origin = producerName();
    checkOverlaps(options);
    for (const { task, input, sending } of schedules) {
      await prepareTask({ config, clock, newId: randomUUID, origin }, { task, input, options: sending });
    }
    const { tasks: signing } = await loadSigning(config, clock);
    const broker = { config, logger, clock, access: await brokerAccess(config, logger) };
    const { heartbeat } = config.beat;
    const session = openSession(broker, { section: 'tasks', role: 'beat', heartbeat });
    const openSink = (): LeaseOptions['sink'] => publishingOver(broker, session).sink;
    const name = `${serviceName(config)} beat`;
    const keyStore = keyStoreSource({
      config: config.key_store,
      name,
      logger,
      clock,
      tls: broker.access.tls,
    });
    return new RunningBeat(options, { session, signing, openSink, keyStore });
  }

  get isActive(): boolean {
    return this.#isActive;
  }

  /** Resolves when it is in line. */
  async start(): Promise<void> {
    await this.#parts.session.ready();
    this.#contender.start();
    await this.#inLine;
  }

  /** Ends the round that is under way, then lets the next process be active. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await waitAtMost(this.#options.clock, lastRoundMs, this.#leading);
    await this.#contender.stop();
    await this.#parts.session.close();
    await this.#parts.keyStore.close();
  }

  async #lead(lease: Lease): Promise<void> {
    const { logger, tell } = this.#options;
    try {
      await this.#leader(lease).run();
    } catch (error) {
      if (lease.ended.aborted) logger.debug('the turn of this beat is over', { error });
      else lease.fail(error);
    }
    if (!this.#isActive) return;
    this.#isActive = false;
    logger.info('beat is not active any more', { queue: this.#options.config.beat.queue });
    tell('standby');
  }

  #leader(lease: Lease): Leader {
    const { config, schedules, logger, clock, tell, payloadStore: store } = this.#options;
    const sink = signingSink(lease.sink, this.#parts.signing.signer);
    const parts = {
      config,
      sink,
      declarer: this.#declarer,
      clock,
      newId: randomUUID,
      origin: producerName(),
      payloads: new PayloadCheckIn({ store, config: config.tasks, logger, clock }),
      keyStore: this.#parts.keyStore,
    };
    return new Leader({
      queue: config.beat.queue,
      lease,
      schedules,
      sender: new BrokerTaskSender(parts),
      writer: `${hostname()}:${process.pid}`,
      missedAfterMs: config.beat.missed_after * 1000,
      stopping: this.#stopping.signal,
      logger,
      clock,
      tell: (name, ...args) => {
        if (name === 'active') this.#isActive = true;
        tell(name, ...args);
      },
    });
  }
}

/** In memory, a beat without workers beside it would wait for each run until its key ends. */
function checkOverlaps({ config, schedules }: RunningBeatOptions): void {
  const alone = schedules.find(({ overlap }) => overlap === 'skip');
  if (alone === undefined || config.key_store.connection_string !== 'memory://') return;
  if (config.tasks.connection_string.addresses.every(({ protocol }) => protocol === 'memory')) return; // all in one process
  throw invalid(
    alone.name,
    'overlap',
    "is 'skip', which needs a key store that beat and the workers share: key_store.connection_string: redis://…",
  );
}
