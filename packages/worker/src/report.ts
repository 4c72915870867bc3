/**
 * Says what happened to deliveries: one log line each, the worker's events, and those of monitors. Only watches.
 */
import {
  type ChannelLoss,
  type Delivery,
  isOutOfPatience,
  isRepeated,
  type LogFields,
  type Logger,
  type Outcome,
  type Tell,
  type Verdict,
} from '@celeriac/core';

import type { TaskEvents, TaskSubject } from './monitoring/task-events.js';
import type { OnLost, Work } from './work.js';

/** A handler begins. */
export interface Started {
  readonly id: string;
  /** The task's name or the event's type. */
  readonly name: string;
  readonly queue: string;
  readonly redelivered: boolean;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** How long after its eta, milliseconds; absent where it had none. */
  readonly lateMs?: number;
}

/** An attempt failed, and another one waits in the broker. */
export interface Retried {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  /** The attempt that failed, from 1, and how many there are at most: Infinity where there is no end. */
  readonly attempt: number;
  readonly of: number;
  /** Until the next attempt, milliseconds. */
  readonly delayMs: number;
  readonly error: unknown;
}

/** A delivery is settled. */
export interface Settled {
  /** Undefined when the message could not be read. */
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly queue: string;
  readonly redelivered: boolean;
  readonly outcome: Outcome;
  readonly verdict: Verdict;
  /** From receipt to settlement, milliseconds. */
  readonly durationMs: number;
}

/** A task was cancelled: it was not begun, or told to stop while it ran. */
export interface Revoked {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  /** True when it ran. */
  readonly terminated: boolean;
}

export interface ReportEvents {
  started: [Started];
  revoked: [Revoked];
  retried: [Retried];
  settled: [Settled];
}

interface Beginning {
  readonly work: TaskSubject & Pick<Work, 'id' | 'name' | 'retries'>;
  readonly lateMs: number | undefined;
  readonly delivery: Delivery;
}

interface Loss {
  readonly id: string;
  readonly name: string;
  readonly delivery: Delivery;
  readonly loss: ChannelLoss;
  readonly onLost: OnLost | undefined;
  /** Since it was started. */
  readonly ms: number;
}

interface Ending {
  /** Id and name are undefined where the message could not be read. */
  readonly subject: TaskSubject & { readonly id: string | undefined; readonly name: string | undefined };
  readonly delivery: Delivery;
  readonly outcome: Outcome;
  readonly verdict: Verdict;
  readonly ms: number;
}

/** What every line about a delivery says. */
interface Told {
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly queue: string;
}

export class Report {
  #logger: Logger;
  #tell: Tell<ReportEvents>;
  #monitors: TaskEvents | undefined;

  constructor(logger: Logger, tell: Tell<ReportEvents>, monitors?: TaskEvents) {
    this.#logger = logger;
    this.#tell = tell;
    this.#monitors = monitors;
  }

  /** It waits for its turn. */
  received(subject: TaskSubject, delivery: Delivery): void {
    this.#monitors?.received(subject, delivery);
  }

  started({ work, lateMs, delivery }: Beginning): void {
    this.#monitors?.started(work, delivery);
    const { queue } = delivery;
    const { id, name } = work;
    const attempt = work.retries + 1;
    const redelivered = isRepeated(delivery);
    const late = lateMs === undefined ? {} : { lateMs };
    if (lateMs !== undefined) this.#logger.debug('its time has come', { name, id, queue, lateMs });
    this.#tell('started', { id, name, queue, redelivered, attempt, ...late });
  }

  /** A delivery was lost while its handler ran. Told at length where the broker lost its patience. */
  lost({ id, name, delivery, loss, onLost, ms }: Loss): void {
    const { queue } = delivery;
    const { code, text: why } = loss;
    const runs = { name, id, queue, ms: Math.round(ms), ...(code === undefined ? {} : { code }), why };
    const goesOn = onLost === 'finish' ? 'it goes on' : 'it is told to stop';
    if (!isOutOfPatience(loss)) {
      this.#logger.debug(`its delivery was lost while it ran, ${goesOn}`, runs);
      return;
    }
    const hint =
      'end it sooner with a time limit, split it with checkpoints, or raise consumer_timeout of the broker (docs/long-tasks.md)';
    const what = 'ran longer than the broker waits for an acknowledgement: delivered again';
    this.#logger.warn(`${what}, and ${goesOn}`, { ...runs, hint });
  }

  settled(ending: Ending): void {
    const { subject, delivery, outcome, verdict, ms } = ending;
    const { id, name } = subject;
    const { queue } = delivery;
    const redelivered = isRepeated(delivery);
    this.#monitors?.ended(subject, delivery, { outcome, verdict });
    this.#log(ending);
    if (verdict.kind === 'retry') {
      const { attempt, of, delayMs, error } = verdict;
      this.#tell('retried', { id: id ?? '', name: name ?? '', queue, attempt, of, delayMs, error });
    }
    if (outcome.kind === 'revoked' && verdict.kind === 'ack') {
      this.#tell('revoked', { id: id ?? '', name: name ?? '', queue, terminated: outcome.terminated });
    }
    this.#tell('settled', { id, name, queue, redelivered, outcome, verdict, durationMs: ms });
  }

  #log({ subject: { id, name }, delivery, outcome, verdict, ms }: Ending): void {
    const what = { name, id, queue: delivery.queue };
    switch (verdict.kind) {
      case 'ack':
        this.#acknowledged(outcome, what, ms);
        return;
      case 'deadLetter':
        this.#logger.error(`dead-lettered: ${verdict.reason}`, {
          ...what,
          messageId: delivery.properties.messageId,
          ...(verdict.detail === undefined ? {} : { detail: verdict.detail }),
          ...(verdict.attempts === undefined ? {} : { attempts: verdict.attempts }),
          bytes: delivery.body.length,
          error: verdict.error,
        });
        return;
      case 'retry':
        this.#logger.warn('failed, will be tried again', { ...what, ...nextAttempt(verdict) });
        return;
      case 'continue':
        this.#logger.info('at a checkpoint, goes on in another delivery', { ...what, ms: Math.round(ms) });
        return;
      case 'postpone':
        this.#logger.debug('not due yet: it waits in the broker', {
          ...what,
          ...(outcome.kind === 'deferred' ? { because: outcome.because } : {}),
          until: new Date(verdict.until).toISOString(),
        });
        return;
      case 'recount':
        this.#logger.info('delivered before and not settled: counted, and back at the end of its queue', {
          ...what,
          deliveries: verdict.deliveries,
          because: outcome.kind,
        });
        return;
      case 'requeue':
        this.#logger.info('returned to the queue', { ...what, because: outcome.kind });
        return;
      case 'abandon':
        this.#logger.warn('not settled: its channel is gone, the broker delivers it again', {
          ...what,
          because: outcome.kind,
        });
    }
  }

  /** The line of most tasks: its fields are written out, which costs a third of copying them. */
  #acknowledged(outcome: Outcome, { name, id, queue }: Told, ms: number): void {
    const what = { name, id, queue, ms: Math.round(ms) };
    if (outcome.kind !== 'revoked') this.#logger.info(doneText(outcome), what);
    else if (outcome.terminated) this.#logger.warn('cancelled while it ran, and it stopped', what);
    else this.#logger.info('cancelled: acknowledged without running it', { name, id, queue });
  }
}

/** Without a number of attempts where there is no end. */
function nextAttempt({ attempt, of, delayMs, error }: Extract<Verdict, { kind: 'retry' }>): LogFields {
  const last = of === Infinity ? {} : { of };
  return { attempt, ...last, nextIn: Math.round(delayMs) / 1000, error };
}

/** What an acknowledged delivery came to. */
function doneText(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'repeated':
      return outcome.because === 'done'
        ? 'acknowledged without running: it has succeeded before'
        : 'acknowledged without running: its next attempt is on its way already';
    case 'replaced':
      return 'replaced by another task';
    case 'superseded':
      return 'acknowledged without running: a later one has replaced it';
    default:
      return 'done';
  }
}
