/** The registered tasks: name, contract, function. Only what is registered here ever runs. */
import {
  CeleriacError,
  checkKeyOptions,
  checkLimitOptions,
  checkRetryOptions,
  type Duration,
  type IdempotencyOptions,
  type KeyOf,
  type LimitOptions,
  type RetryOptions,
  type TaskContract,
} from '@celeriac/core';

import { type BatchOptions, checkBatchOptions } from './batch.js';
import type { TaskContext } from './context.js';
import type { OnLost, RetryIf } from './work.js';

/** A handler of a contract: gets the validated input. */
export type TaskHandler<Input, Output, State = unknown> = (
  input: Input,
  context: TaskContext<State>,
) => Output | Promise<Output>;

/**
 * A handler by bare name, called as Celery calls a function: positional arguments in order, then, if there are
 * any, the keyword arguments as one object. `currentTask()` gives its context.
 */
export type BareTaskHandler = (...args: never[]) => unknown;

/** `Input` is what the handler gets: of a contract the validated input, of a bare name the list of its arguments. */
export interface TaskOptions<Input = never> extends LimitOptions<Input> {
  /** Soft time limit: the handler's signal fires. The sender's limit wins, then the contract's, then this. */
  readonly softTimeLimit?: Duration;
  /** Hard time limit: the thread or process that runs it is ended. Found in the same order. */
  readonly hardTimeLimit?: Duration;
  /** True: what it returns is not kept. The sender's wish wins, then this, then the contract's, then the configured one. */
  readonly ignoreResult?: boolean;
  /** Whether a run whose delivery is lost is told to stop, or goes on. Default `task_handler.on_lost`. */
  readonly onLost?: OnLost;
  /** True: logs and monitors are shown neither its arguments nor its result. Default: the contract's, else false. */
  readonly sensitive?: boolean;
  /** How it is tried again when it fails; over the contract's `retry`, and that over `task_handler.retry`. */
  readonly retry?: RetryOptions;
  /** Asked after a failure; counts where `never` and `only` let it through and an attempt is left. */
  readonly retryIf?: RetryIf;
  /** It succeeds once for a key; over the contract's, and a send's own key over both. */
  readonly idempotency?: IdempotencyOptions<KeyOf<Input>>;
}

export interface RegisteredTask {
  readonly name: string;
  readonly contract: TaskContract | undefined;
  readonly handler: (...args: unknown[]) => unknown;
  readonly options: TaskOptions;
  /** Present where the handler is one of batches. */
  readonly batch?: BatchOptions | undefined;
  /** A module registers it, so that threads and processes of a pool can as well. */
  readonly isFromModule: boolean;
}

/** True when a gate makes keys of the input: it is then bound and validated here even where a child runs the handler. */
export function readsInput(task: Pick<RegisteredTask, 'options' | 'contract'>): boolean {
  const limits = (['rateLimit', 'concurrency'] as const).map(
    (name) => task.options[name] ?? task.contract?.[name],
  );
  const hasKey = limits.some((limit) => typeof limit === 'object' && limit.key !== undefined);
  return hasKey || idempotencyOf(task)?.key !== undefined;
}

/** The registration's, else the contract's. */
export function idempotencyOf({
  options,
  contract,
}: Pick<RegisteredTask, 'options' | 'contract'>): IdempotencyOptions<KeyOf<never>> | undefined {
  return options.idempotency ?? contract?.idempotency;
}

export class TaskHandlers {
  #tasks = new Map<string, RegisteredTask>();

  get names(): readonly string[] {
    return [...this.#tasks.keys()].sort();
  }

  get(name: string): RegisteredTask | undefined {
    return this.#tasks.get(name);
  }

  /** Throws ERR_TASK_DUPLICATE for a name that is taken, ERR_CONTRACT_INVALID for one or for options that cannot be. */
  add(task: RegisteredTask): void {
    checkRetryOptions(task.options.retry);
    checkKeyOptions(task.options);
    checkLimitOptions(task.options);
    if (task.batch !== undefined) checkBatchOptions(task.batch);
    if (task.name === '' || Buffer.byteLength(task.name) > 255) {
      throw new CeleriacError('ERR_CONTRACT_INVALID', {
        message: `A task's name has 1 to 255 bytes; this one has ${Buffer.byteLength(task.name)}.`,
        values: { task: task.name },
      });
    }
    if (this.#tasks.has(task.name)) {
      throw new CeleriacError('ERR_TASK_DUPLICATE', {
        message: `The task '${task.name}' is registered already.`,
        hint: 'Register each name once; rename one of them.',
        values: { task: task.name },
      });
    }
    this.#tasks.set(task.name, task);
  }
}
