/** Cancelling tasks: what is asked of workers, and what their answers mean. Pure. */
import { type Duration, parseDuration } from '../config/duration.js';
import type { Config } from '../config/types.js';
import { CeleriacError } from '../errors.js';
import type { ControlAnswer } from './control-answer.js';

export interface CancelOptions {
  /** Also end it where it runs: its signal fires, and a thread or process is ended. Default false. */
  readonly terminate?: boolean | undefined;
  /** The signal that a Python worker ends its process with. Default `SIGTERM`. */
  readonly signal?: string | undefined;
  /**
   * How long it is remembered, or until when: longer than the task can wait for its turn. Default
   * `tasks.cancel_expiry`.
   */
  readonly keep?: Duration | Date | undefined;
  /** How long answers of workers are waited for. Default 1 s. */
  readonly timeout?: Duration | undefined;
}

export interface CancelReport {
  readonly ids: readonly string[];
  /** The workers that heard it and will not run it, sorted. Empty: nobody did; those that start later will know. */
  readonly workers: readonly string[];
  /** Workers that heard it and refused, and why. */
  readonly refused: readonly { readonly worker: string; readonly error: string }[];
  /** Until when it is remembered. Python workers forget by their own rules. */
  readonly until: Date;
}

/** Anything that cancels tasks. */
export interface TaskCanceller {
  /**
   * Cancels tasks by id, wherever they wait: a worker that gets one acknowledges it without running it. First it is
   * written into the broker, for workers that start later, then all running workers are told (Celery's `revoke`). A task
   * that runs already goes on, unless `terminate` is set. Rejects with ERR_INPUT_INVALID, ERR_REGISTRY_BUSY,
   * ERR_TOPOLOGY_…, ERR_PUBLISH_TIMEOUT, ERR_CHANNEL_CLOSED, or why there is no connection.
   */
  cancel(ids: string | readonly string[], options?: CancelOptions): Promise<CancelReport>;
}

export interface CancelRequest {
  readonly ids: readonly string[];
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** Of Celery's `revoke`. */
  readonly args: Readonly<Record<string, unknown>>;
}

/** Argument of ours to Celery's `revoke`: when to forget it, seconds since the epoch. Python passes over it. */
export const cancelUntil = 'celeriac_until';

const mostIds = 10_000;

/** Throws ERR_INPUT_INVALID. */
export function cancelRequest(
  ids: readonly string[],
  { terminate = false, signal = 'SIGTERM', keep }: CancelOptions,
  { now, tasks }: { readonly now: number; readonly tasks: Config['tasks'] },
): CancelRequest {
  const unique = [...new Set(ids)];
  const bad = unique.find((id) => id === '' || Buffer.byteLength(id) > 255);
  if (bad !== undefined) throw invalid(`An id of a task has 1 to 255 bytes, not ${Buffer.byteLength(bad)}.`);
  if (unique.length === 0 || unique.length > mostIds)
    throw invalid(`Between 1 and ${mostIds} tasks are cancelled at once, not ${unique.length}.`);
  const until =
    keep instanceof Date ? keep.getTime() : now + parseDuration(keep ?? tasks.cancel_expiry) * 1000;
  if (!(until > now)) throw invalid('A cancellation that is remembered until now cancels nothing.');
  const args = { task_id: unique, terminate, signal, [cancelUntil]: Math.ceil(until / 1000) };
  return { ids: unique, until, args };
}

export function cancelReport({ ids, until }: CancelRequest, answers: readonly ControlAnswer[]): CancelReport {
  const refused = answers.flatMap(({ node: worker, value }) => {
    const error = errorOf(value);
    return error === undefined ? [] : [{ worker, error }];
  });
  const workers = answers.filter(({ value }) => errorOf(value) === undefined).map(({ node }) => node);
  return { ids, workers: workers.sort(), refused, until: new Date(until) };
}

/** What a worker answered instead of what it was asked for. */
export function errorOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('error' in value)) return undefined;
  return String(value.error);
}

function invalid(message: string): CeleriacError {
  return new CeleriacError('ERR_INPUT_INVALID', {
    message,
    hint: 'Cancel tasks by the ids that their receipts have, for longer than they may wait.',
  });
}
