/** What is registered with a worker: its tasks, the modules that register some, and its applications. Runs nothing. */
import type { TaskContract } from '@celeriac/core';

import type { BatchHandler } from './batch.js';
import type { TaskContext } from './context.js';
import { Application, type ApplicationOptions } from './event-handler/application.js';
import { moduleUrl } from './handler-modules.js';
import { type BareTaskHandler, type RegisteredTask, type TaskHandler, TaskHandlers } from './handlers.js';

/** Anything that handles tasks; which contract it is for is checked where it is registered. */
export type AnyTaskHandler = TaskHandler<never, never> | BareTaskHandler | BatchHandler<never, TaskContext>;

export class Registrations {
  readonly tasks: TaskHandlers = new TaskHandlers();
  /** URLs. */
  readonly modules: string[] = [];
  #applications = new Map<string, Application>();
  /** What is registered now comes from a module. */
  #isLoading = false;

  /** Those that have handlers. */
  get applications(): readonly Application[] {
    return [...this.#applications.values()].filter(({ isEmpty }) => !isEmpty);
  }

  /** Throws ERR_TASK_DUPLICATE or ERR_CONTRACT_INVALID. */
  addTask(
    what: TaskContract | string,
    handler: AnyTaskHandler,
    given: Pick<RegisteredTask, 'options' | 'batch'>,
  ): void {
    const contract = typeof what === 'string' ? undefined : what;
    const name = typeof what === 'string' ? what : what.name;
    const call = handler as (...args: unknown[]) => unknown;
    this.tasks.add({ name, contract, handler: call, ...given, isFromModule: this.#isLoading });
  }

  /** The same name gives the same application. Throws ERR_CONTRACT_INVALID. */
  application(name: string, options: ApplicationOptions): Application {
    const known = this.#applications.get(name) ?? new Application(name);
    known.set(options);
    this.#applications.set(name, known);
    return known;
  }

  /** Notes the module once `register` is done with it. Rejects with ERR_HANDLER_MODULE. */
  async load(module: string | URL, register: (url: string) => Promise<void>): Promise<void> {
    const url = moduleUrl(module);
    this.#isLoading = true;
    try {
      await register(url);
    } finally {
      this.#isLoading = false;
    }
    this.modules.push(url);
  }
}
