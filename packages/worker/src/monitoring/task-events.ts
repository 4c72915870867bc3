/**
 * From what becomes of a task to Celery's task events. Off, it costs one question per step. Only watches: nothing here
 * can hold up or fail a task.
 */
import {
  type Clock,
  type Delivery,
  type EventFields,
  failureFields,
  isReject,
  type Outcome,
  receivedFields,
  type TaskMessage,
  valueRepr,
  type Verdict,
} from '@celeriac/core';

import { reason } from '../results/result-of.js';
import type { EventDispatcher } from './event-dispatcher.js';

/** What an event is about; without a message and an attempt it is no task, or one that cannot be read. */
export interface TaskSubject {
  readonly message?: TaskMessage | undefined;
  /** A task whose body could not be fetched: its id is all that is known. */
  readonly tried?: { readonly id: string } | undefined;
  /** Its arguments and its result are not shown. */
  readonly isSensitive?: boolean;
}

export interface TaskEnding {
  readonly outcome: Outcome;
  readonly verdict: Verdict;
}

type Told = readonly [type: string, fields: EventFields];

export class TaskEvents {
  isEnabled: boolean;
  #dispatcher: Pick<EventDispatcher, 'tellOfTask'>;
  #clock: Clock;
  /** When handlers began, monotonic milliseconds. */
  #begun = new WeakMap<Delivery, number>();

  constructor(
    dispatcher: Pick<EventDispatcher, 'tellOfTask'>,
    { clock, isEnabled }: { readonly clock: Clock; readonly isEnabled: boolean },
  ) {
    this.#dispatcher = dispatcher;
    this.#clock = clock;
    this.isEnabled = isEnabled;
  }

  /** It waits for its turn. */
  received({ message, isSensitive = false }: TaskSubject, { properties }: Delivery): void {
    if (!this.isEnabled || message === undefined) return;
    this.#dispatcher.tellOfTask('task-received', receivedFields(message, properties, { isSensitive }));
  }

  started({ message }: TaskSubject, delivery: Delivery): void {
    if (!this.isEnabled || message === undefined) return;
    this.#begun.set(delivery, this.#clock.monotonic());
    this.#dispatcher.tellOfTask('task-started', { uuid: message.id });
  }

  /** It is settled. */
  ended({ message, tried, isSensitive = false }: TaskSubject, delivery: Delivery, ending: TaskEnding): void {
    const uuid = message?.id ?? tried?.id;
    if (!this.isEnabled || uuid === undefined) return;
    const begun = this.#begun.get(delivery);
    const runtime = begun === undefined ? 0 : (this.#clock.monotonic() - begun) / 1000;
    const told = endingEvent(ending, { runtime, isSensitive });
    if (told === undefined) return;
    const [type, fields] = told;
    this.#dispatcher.tellOfTask(type, { uuid, ...fields });
  }
}

interface How {
  /** Seconds. */
  readonly runtime: number;
  readonly isSensitive: boolean;
}

/** Undefined where it has not ended: it waits in the broker, or is delivered again. */
function endingEvent({ outcome, verdict }: TaskEnding, how: How): Told | undefined {
  if (outcome.kind === 'untrusted') return undefined; // its id may be that of a task of someone else
  switch (verdict.kind) {
    case 'ack':
      return acknowledged(outcome, how);
    case 'retry':
      return ['task-retried', failureFields(reason(verdict.error))];
    case 'deadLetter':
      if (verdict.reason === 'rejected') return ['task-rejected', { requeue: false }];
      if (verdict.reason === 'expired') return revoked({ expired: true });
      return ['task-failed', failureFields(verdict.error)];
    case 'requeue':
      if (outcome.kind === 'failed' && isReject(outcome.error)) return ['task-rejected', { requeue: true }];
      return interrupted(outcome);
    case 'abandon':
      return interrupted(outcome);
    case 'continue': // Celery has no word for it: to monitors it has been started, until it ends
    case 'postpone':
    case 'recount':
      return undefined;
  }
}

/** What was acknowledged as it had run before has told how it ended. */
function acknowledged(outcome: Outcome, { runtime, isSensitive }: How): Told | undefined {
  switch (outcome.kind) {
    case 'succeeded': {
      const result = isSensitive ? '...' : valueRepr(outcome.value);
      return ['task-succeeded', { result, runtime }];
    }
    case 'revoked':
      return revoked({ terminated: outcome.terminated });
    case 'superseded': // received, and never to run: a monitor would wait for it
      return revoked({});
    default:
      return undefined;
  }
}

/** No signal: handlers are told to stop, not killed. */
function revoked({ terminated = false, expired = false }: { terminated?: boolean; expired?: boolean }): Told {
  return ['task-revoked', { terminated, signum: null, expired }];
}

/** Celery's word for a task that a lost connection or a shutdown stopped, and that will run again. */
function interrupted({ kind }: Outcome): Told | undefined {
  return kind === 'aborted' ? ['task-cancelled', {}] : undefined;
}
