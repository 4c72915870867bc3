/**
 * What became of a task: its value, its state, its children. Reads the store that the configuration names; sends
 * nothing, and keeps the final state once it was read.
 */
import {
  CeleriacError,
  type Clock,
  type Duration,
  isReady,
  parseDuration,
  type RemoteException,
  type ResultRecord,
  type ResultStore,
  type TaskError,
  taskError,
  valueOf,
} from '@celeriac/core';

export interface ResultOptions {
  /** How long to wait. Default `tasks.result_expires`: after that there is no result to come. */
  readonly timeout?: Duration;
  /** Ends the waiting; the call rejects with its reason. The task goes on. */
  readonly signal?: AbortSignal;
}

/** What is known of a task at the moment. */
export interface TaskStatus<Output = unknown> {
  readonly id: string;
  /** PENDING (nothing is known), STARTED, RETRY, SUCCESS, FAILURE, REVOKED, or what the task told, as PROGRESS. */
  readonly state: string;
  /** True in SUCCESS, FAILURE and REVOKED. */
  readonly isReady: boolean;
  /** In SUCCESS: what it returned. */
  readonly value?: Output;
  /** In states of the task's own and in STARTED: what it told. */
  readonly meta?: unknown;
  /** In FAILURE and REVOKED: what `result` rejects with. */
  readonly error?: TaskError;
  /** In RETRY: why it is tried again. */
  readonly exception?: RemoteException;
  /** `redis://` only. */
  readonly doneAt?: Date;
  /** What `tasks.result_extended` keeps. */
  readonly worker?: string;
  readonly queue?: string;
  readonly retries?: number;
}

export interface ResultParts {
  readonly store: ResultStore | undefined;
  readonly clock: Clock;
  /** Seconds; 0 is no limit. */
  readonly longestWait: number;
  /** The task was sent with `ignoreResult`. */
  readonly isIgnored?: boolean;
}

export class AsyncResult<Output = unknown> {
  /** Of the task. */
  readonly id: string;
  readonly #parts: ResultParts;
  #final: ResultRecord | undefined;

  constructor(id: string, parts: ResultParts) {
    this.id = id;
    this.#parts = parts;
  }

  /**
   * Waits for the end, and resolves with what the task returned. Rejects with a TaskError (ERR_TASK_FAILED,
   * ERR_TASK_REVOKED) where it did not end well; with ERR_RESULT_TIMEOUT, ERR_RESULT_UNKNOWN, ERR_RESULT_DISABLED,
   * ERR_RESULT_UNREADABLE, ERR_REDIS_CLIENT or ERR_CLOSED where it cannot be told; with the signal's reason.
   */
  async result(options: ResultOptions = {}): Promise<Output> {
    this.#final ??= await this.#wait(options);
    return valueOf(this.#final) as Output;
  }

  /** Celery's word for `result`. */
  get(options?: ResultOptions): Promise<Output> {
    return this.result(options);
  }

  /** What is known now. Rejects as `result` does where it cannot be told, and with ERR_REDIS_UNAVAILABLE. */
  async status(): Promise<TaskStatus<Output>> {
    const record = this.#final ?? (await this.#store().read(this.id));
    return record === undefined ? { id: this.id, state: 'PENDING', isReady: false } : statusOf(record);
  }

  /** The tasks that it sent, once it has ended. */
  async children(): Promise<readonly AsyncResult[]> {
    const record = this.#final ?? (await this.#store().read(this.id));
    const ids = (record?.children ?? []).flatMap(({ id, members }) => members ?? [id]);
    const { isIgnored: _ofThisOne, ...parts } = this.#parts;
    return ids.map((id) => new AsyncResult(id, parts));
  }

  /** Removes the result. What waits for it goes on waiting. */
  async forget(): Promise<void> {
    this.#final = undefined;
    await this.#store().forget(this.id);
  }

  #store(): ResultStore {
    const { store, isIgnored = false } = this.#parts;
    if (store !== undefined && !isIgnored) return store;
    throw disabled(this.id, isIgnored && store !== undefined);
  }

  async #wait({ timeout, signal }: ResultOptions): Promise<ResultRecord> {
    const store = this.#store();
    const { clock, longestWait } = this.#parts;
    const seconds = timeout === undefined ? longestWait : parseDuration(timeout);
    signal?.throwIfAborted();
    const ending = new AbortController();
    const aborted = (): void => ending.abort(signal?.reason);
    signal?.addEventListener('abort', aborted, { once: true });
    const isLimited = timeout !== undefined || seconds > 0;
    const timer = isLimited
      ? clock.after(seconds * 1000, () => ending.abort(timedOut(this.id, seconds)))
      : undefined;
    try {
      return await store.wait(this.id, ending.signal);
    } finally {
      timer?.cancel();
      signal?.removeEventListener('abort', aborted);
    }
  }
}

function statusOf<Output>(record: ResultRecord): TaskStatus<Output> {
  const { id, status: state, value, exception, doneAt, worker, queue, retries } = record;
  const isFinal = isReady(state);
  return {
    id,
    state,
    isReady: isFinal,
    ...(state === 'SUCCESS' ? { value: value as Output } : {}),
    ...(!isFinal && exception === undefined ? { meta: value } : {}),
    ...(isFinal && state !== 'SUCCESS' ? { error: taskError(record) } : {}),
    ...(!isFinal && exception !== undefined ? { exception } : {}),
    ...(doneAt === undefined ? {} : { doneAt: new Date(doneAt) }),
    ...(worker === undefined ? {} : { worker }),
    ...(queue === undefined ? {} : { queue }),
    ...(retries === undefined ? {} : { retries }),
  };
}

function disabled(id: string, isIgnored: boolean): CeleriacError {
  return new CeleriacError('ERR_RESULT_DISABLED', {
    message: isIgnored
      ? `The task ${id} was sent with its result ignored.`
      : `The result of ${id} cannot be read: no tasks.result_backend is configured.`,
    hint: isIgnored
      ? 'Send it with ignoreResult: false.'
      : 'Set tasks.result_backend to rpc:// or redis://…, for senders and workers alike.',
    values: { id },
  });
}

function timedOut(id: string, seconds: number): CeleriacError {
  return new CeleriacError('ERR_RESULT_TIMEOUT', {
    message: `There is no result of ${id} after ${seconds} s.`,
    hint: 'The task goes on: ask again. Does a worker run that consumes its queue, with the same tasks.result_backend?',
    values: { id, timeout: seconds },
  });
}
