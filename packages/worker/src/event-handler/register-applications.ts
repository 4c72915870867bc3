/** Enters a worker's applications into the list that the broker keeps. */
import { isCeleriacError, type Logger } from '@celeriac/core';

import type { Side } from '../side.js';
import type { Application } from './application.js';

export interface RegisterParts {
  readonly applications: readonly Application[];
  readonly logger: Logger;
}

/** Their queues are bound by now, so a busy registry costs nothing. Rejects for what will not go away by itself. */
export async function registerApplications(
  registry: Side['applications'],
  { applications, logger }: RegisterParts,
): Promise<void> {
  for (const { name, patterns } of applications) {
    await registry.register(name, patterns).catch((error: unknown) => {
      if (isCeleriacError(error) && !error.retryable) throw error;
      logger.warn('not entered into the list of applications; events arrive all the same', { name, error });
    });
  }
}
