/**
 * Which of a worker's applications are paused: read from the list that the broker keeps, and carried out on their
 * capsules. The list alone decides; who says that it has changed decides nothing.
 */
import type { Logger, RegisteredApplication } from '@celeriac/core';

import type { Capsule } from '../capsule.js';

export interface PausesParts {
  readonly list: () => Promise<readonly Pick<RegisteredApplication, 'name' | 'pausedAt'>[]>;
  /** Of the applications this worker handles, by name. */
  readonly capsules: ReadonlyMap<string, Pick<Capsule, 'pause' | 'unpause' | 'isPaused'>>;
  readonly logger: Logger;
}

export class Pauses {
  #parts: PausesParts;
  #running: Promise<void> | undefined;
  /** Asked while one was running, which may have read before what it was asked for. */
  #next: Promise<void> | undefined;

  constructor(parts: PausesParts) {
    this.#parts = parts;
  }

  /**
   * Reads the list, and pauses and unpauses what it says; however often it is asked, one reads and one waits. What is
   * not on the list is not paused. Where it cannot be read all stays as it is, with a warning. Never rejects.
   */
  read(): Promise<void> {
    if (this.#parts.capsules.size === 0) return Promise.resolve();
    if (this.#running === undefined) return this.#begin();
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<void> {
    this.#running = this.#read().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #read(): Promise<void> {
    const { list, capsules, logger } = this.#parts;
    try {
      const paused = new Set(
        (await list()).flatMap(({ name, pausedAt }) => (pausedAt === undefined ? [] : name)),
      );
      const changed = [...capsules].filter(([name, capsule]) => capsule.isPaused !== paused.has(name));
      await Promise.all(
        changed.map(async ([application, capsule]) => {
          const isPaused = paused.has(application);
          logger.info(isPaused ? 'the application is paused' : 'the application is paused no longer', {
            application,
          });
          await (isPaused ? capsule.pause() : capsule.unpause());
        }),
      );
    } catch (error) {
      logger.warn('the list of applications cannot be read; what was paused meanwhile is not known here', {
        error,
      });
    }
  }
}
