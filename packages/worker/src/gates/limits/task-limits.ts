/** What the limits of registered tasks are, and the key that a piece of work has under one. Limits nothing. */
import { createHash } from 'node:crypto';

import {
  type Config,
  errorText,
  type LimitKey,
  type Limits,
  limitsOf,
  type Logger,
  valueAtPath,
} from '@celeriac/core';

import type { RegisteredTask, TaskHandlers } from '../../handlers.js';
import type { Work } from '../../work.js';

/** Longer keys are replaced by a digest: senders decide how long they are. */
const longestKey = 200;

export interface TaskLimitsParts {
  readonly config: Config;
  readonly tasks: TaskHandlers;
  readonly logger: Logger;
}

export class TaskLimits {
  #parts: TaskLimitsParts;
  #read = new Map<RegisteredTask, Limits>();

  constructor(parts: TaskLimitsParts) {
    this.#parts = parts;
  }

  /** Undefined for a name that nobody registered. */
  of(name: string): Limits | undefined {
    const task = this.#parts.tasks.get(name);
    if (task === undefined) return undefined;
    const known = this.#read.get(task);
    if (known !== undefined) return known;
    const limits = limitsOf([task.contract, task.options], this.#parts.config.task_handler.kill_switch);
    this.#read.set(task, limits);
    return limits;
  }

  /** Of all tasks. */
  get all(): readonly Limits[] {
    return this.#parts.tasks.names.flatMap((name) => this.of(name) ?? []);
  }

  /** The task and what the key makes of the input. Inputs without one, and a key that throws, share a count. */
  key({ id, name, input }: Work, key: LimitKey | undefined): string {
    if (key === undefined) return name;
    try {
      const value: unknown = typeof key === 'string' ? valueAtPath(key, input) : key(input as never);
      const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
      return isPlain ? `${name} ${shortened(String(value))}` : name;
    } catch (error) {
      this.#parts.logger.warn('the key of a limit failed: it is counted with those that have none', {
        name,
        id,
        error: errorText(error),
      });
      return name;
    }
  }
}

function shortened(key: string): string {
  return key.length <= longestKey ? key : createHash('sha256').update(key).digest('hex');
}
