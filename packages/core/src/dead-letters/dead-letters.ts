/**
 * Dead letters for whoever looks after a service: what there is, what each says, put back, thrown away. A queue is
 * named as its workers know it; what is touched is its dead-letter queue, never the queue itself.
 */
import { interrupted } from '../amqp/queue-visit-error.js';
import { messageCount, purgeMessages, type VisitOptions } from '../amqp/queue-visit.js';
import { deadLetterQueueName } from '../amqp/topology.js';
import { Applications } from '../applications.js';
import { brokerAccess } from '../broker.js';
import { type Clock, systemClock } from '../clock.js';
import { type Duration, parseDuration } from '../config/duration.js';
import { type ConfigSource, loadConfig } from '../config/load.js';
import type { ConfigInput } from '../config/input.js';
import type { Config } from '../config/types.js';
import { CeleriacError, errorText, isCeleriacError } from '../errors.js';
import { guarded, type Logger, silentLogger } from '../logger.js';
import { loadSigning, type Signing } from '../signing/signing.js';
import { Brokers, configuredQueues, sectionOf } from './brokers.js';
import { type DeadLetterFilter, isEmptyFilter } from './filter.js';
import { type DeadLetter, queueOfDeadLetters } from './letter.js';
import { Requeue, type RequeueOptions as Options, type RequeueReport } from './requeue.js';
import { type DeadLetterSummary, Tally } from './summary.js';
import { type Progress, walk } from './walk.js';

export interface DeadLettersOptions {
  /** A file (YAML or JSON), or the configuration itself. Default: environment variables and defaults only. */
  readonly config?: ConfigSource;
  readonly overrides?: ConfigInput;
  /** Default: writes nothing. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How long the broker may take for one answer. Default 30 s. */
  readonly timeout?: Duration;
  /** Dead-letter queues have no delivery limit: a policy says so. For RabbitMQ 4.0 to 4.2, see ERR_DELIVERY_LIMIT_NEAR. */
  readonly ignoreDeliveryLimit?: boolean;
}

export interface ListOptions {
  /** So many messages of each queue are read for the counts, the oldest first. Default 10 000; 0 reads none. */
  readonly scan?: number;
}

/** How far work on many messages has come. */
interface ProgressOption {
  /** After every message that was read. Not awaited; must not throw. */
  readonly progress?: ((soFar: Readonly<Progress>) => void) | undefined;
}

export type RequeueOptions = Omit<Options, 'expiresMs'> &
  ProgressOption & {
    /** They get this expiry, from now. Default: what is left of their own; one that has passed is left out. */
    readonly expires?: Duration | undefined;
  };

export interface PurgeOptions extends ProgressOption {
  /** Changes nothing, and reports what would be done. */
  readonly dryRun?: boolean | undefined;
}

export interface PurgeReport {
  readonly queue: string;
  readonly matched: number;
  /** Thrown away; with `dryRun`, those that would be. */
  readonly purged: number;
}

/** Rejects with ERR_CONFIG_…, ERR_CONNECTION_STRING or ERR_SIGNING_KEY for a bad configuration; connects when it is used. */
export async function openDeadLetters(options: DeadLettersOptions = {}): Promise<DeadLetters> {
  const { config: source = {}, env, overrides, clock = systemClock, timeout = 30 } = options;
  const timeoutMs = parseDuration(timeout) * 1000;
  const config = await loadConfig(source, { env, overrides });
  const logger = guarded(options.logger ?? silentLogger);
  const { ignoreDeliveryLimit = false } = options;
  const signing = await loadSigning(config, clock);
  const brokers = new Brokers({ config, logger, clock, access: await brokerAccess(config, logger) });
  return new DeadLetters({ config, clock, timeoutMs, brokers, signing, ignoreDeliveryLimit });
}

export type { DeadLetters };

interface Parts {
  readonly config: Config;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly brokers: Brokers;
  readonly signing: Signing;
  readonly ignoreDeliveryLimit: boolean;
}

class DeadLetters implements AsyncDisposable {
  #config: Config;
  #clock: Clock;
  #timeoutMs: number;
  #brokers: Brokers;
  #signing: Signing;
  #ignoreDeliveryLimit: boolean;

  constructor(parts: Parts) {
    this.#config = parts.config;
    this.#clock = parts.clock;
    this.#timeoutMs = parts.timeoutMs;
    this.#brokers = parts.brokers;
    this.#signing = parts.signing;
    this.#ignoreDeliveryLimit = parts.ignoreDeliveryLimit;
  }

  /** These queues; by default the task queues that are configured and those of registered applications. */
  async list(queues?: readonly string[], { scan = 10_000 }: ListOptions = {}): Promise<DeadLetterSummary[]> {
    const wanted = queues ?? [...configuredQueues(this.#config), ...(await this.#applicationQueues())];
    const summaries: DeadLetterSummary[] = [];
    for (const queue of new Set(wanted.map(deadLettersOf))) summaries.push(await this.#summary(queue, scan));
    return summaries;
  }

  /**
   * What is in it, the oldest first. Takes nothing away: when the reading ends, also early, all of it is given back in
   * its order. To the broker it has been delivered then: it is `redelivered`, and a quorum queue counts.
   */
  async *read(queue: string, filter: DeadLetterFilter = {}): AsyncGenerator<DeadLetter, void, undefined> {
    const walking = { ...this.#visiting(deadLettersOf(queue)), filter };
    for await (const { letter } of walk(walking)) yield letter;
  }

  /**
   * Puts them back into the queues they died in. What the filter does not name stays, in its order. Rejects with
   * ERR_DEAD_LETTERS_UNFINISHED when it has to stop halfway; calling it again goes on.
   */
  async requeue(
    queue: string,
    filter: DeadLetterFilter = {},
    { progress: told, ...options }: RequeueOptions = {},
  ): Promise<RequeueReport> {
    const deadLetterQueue = deadLettersOf(queue);
    const visiting = this.#taking(deadLetterQueue, filter);
    const {
      time_zone: timeZone,
      max_unsettled_messages: maxMessages,
      max_unsettled_bytes: maxBytes,
    } = this.#config.tasks;
    const requeue = new Requeue({
      ...checked(options, deadLetterQueue),
      from: deadLetterQueue,
      sink: this.#brokers.publishing(sectionOf(this.#config, deadLetterQueue)).sink,
      clock: this.#clock,
      signing: this.#signing,
      timeoutMs: this.#timeoutMs,
      timeZone,
      maxMessages,
      maxBytes,
    });
    const progress: Progress = { read: 0, matched: 0 };
    const report = (): RequeueReport => ({ queue: deadLetterQueue, ...progress, ...requeue.report });
    try {
      const walking = { ...visiting, filter, told, settled: () => requeue.settled() };
      for await (const inHand of walk(walking, progress)) await requeue.add(inHand);
      requeue.check();
    } catch (error) {
      if (progress.read === 0) throw error;
      throw unfinished(`${requeue.report.requeued} were put back`, report(), error);
    }
    return report();
  }

  /** Throws them away. Without a filter all that is in the queue at that moment. */
  async purge(
    queue: string,
    filter: DeadLetterFilter = {},
    { dryRun = false, progress: told }: PurgeOptions = {},
  ): Promise<PurgeReport> {
    const deadLetterQueue = deadLettersOf(queue);
    const visiting = this.#taking(deadLetterQueue, filter);
    if (isEmptyFilter(filter)) {
      const messages = await (dryRun ? messageCount(visiting) : purgeMessages(visiting));
      return { queue: deadLetterQueue, matched: messages, purged: messages };
    }
    const progress: Progress = { read: 0, matched: 0 };
    let purged = 0;
    const report = (): PurgeReport => ({ queue: deadLetterQueue, matched: progress.matched, purged });
    try {
      for await (const inHand of walk({ ...visiting, filter, told }, progress)) {
        if (dryRun || inHand.take()) purged++;
      }
    } catch (error) {
      if (progress.read === 0) throw error;
      throw unfinished(`${purged} were thrown away`, report(), error);
    }
    return report();
  }

  /** Closes the connections. Idempotent. */
  close(): Promise<void> {
    return this.#brokers.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #summary(deadLetterQueue: string, scan: number): Promise<DeadLetterSummary> {
    const queue = queueOfDeadLetters(deadLetterQueue) as string;
    const tally = new Tally();
    try {
      const messages = await messageCount(this.#visiting(deadLetterQueue));
      if (messages > 0) {
        for await (const letter of this.read(queue, { limit: scan })) tally.add(letter);
      }
      const { read, oldest, counts } = tally;
      const known = oldest === undefined ? {} : { oldest };
      return { queue, deadLetterQueue, exists: true, messages, read, ...known, counts };
    } catch (error) {
      if (!isCeleriacError(error, 'ERR_TOPOLOGY_MISSING')) throw error;
      return { queue, deadLetterQueue, exists: false, messages: 0, read: 0, counts: [] };
    }
  }

  async #applicationQueues(): Promise<readonly string[]> {
    const { session, declarer } = this.#brokers.publishing('events');
    await session.ready({ timeoutMs: this.#timeoutMs });
    const parts = { config: this.#config, session, declarer, clock: this.#clock };
    return (await new Applications(parts).list()).map(({ queue }) => queue);
  }

  #visiting(queue: string): VisitOptions {
    const session = this.#brokers.reading(sectionOf(this.#config, queue));
    const ignoreDeliveryLimit = this.#ignoreDeliveryLimit;
    return { session, clock: this.#clock, queue, timeoutMs: this.#timeoutMs, ignoreDeliveryLimit };
  }

  /** Who takes everything gives nothing back, and may do so at any time. */
  #taking(queue: string, filter: DeadLetterFilter): VisitOptions {
    const visiting = this.#visiting(queue);
    return isEmptyFilter(filter) ? { ...visiting, ignoreDeliveryLimit: true } : visiting;
  }
}

/** `billing` and `billing.dead-letter` both mean the latter. */
function deadLettersOf(queue: string): string {
  const name = queueOfDeadLetters(queue) === undefined ? deadLetterQueueName(queue) : queue;
  if (queue !== '' && Buffer.byteLength(name) <= 255) return name;
  throw new CeleriacError('ERR_INPUT_INVALID', {
    message: `'${queue}' is not the name of a queue.`,
    hint: 'Name a queue, or its dead-letter queue.',
    values: { queue },
  });
}

function checked({ expires, ...options }: RequeueOptions, deadLetterQueue: string): Options {
  const { to, ratePerSecond } = options;
  const problem =
    to === deadLetterQueue || to === ''
      ? `dead letters cannot be put into '${to}'`
      : ratePerSecond !== undefined && !(ratePerSecond > 0)
        ? `the rate has to be over 0, not ${ratePerSecond}`
        : undefined;
  if (problem === undefined) {
    return { ...options, ...(expires === undefined ? {} : { expiresMs: parseDuration(expires) * 1000 }) };
  }
  throw new CeleriacError('ERR_INPUT_INVALID', {
    message: `Not possible: ${problem}.`,
    values: { to, ratePerSecond },
  });
}

function unfinished(done: string, report: PurgeReport | RequeueReport, error: unknown): CeleriacError {
  const cause = isCeleriacError(error) ? error : interrupted(report.queue, error);
  return new CeleriacError('ERR_DEAD_LETTERS_UNFINISHED', {
    message: `Stopped halfway through '${report.queue}': ${done}, the others are still there. ${errorText(cause)}`,
    hint: 'It is safe to do it again. Of those that were moved, the last may be there too, under the same id.',
    values: { ...report, reason: cause.code },
    cause,
  });
}
