/**
 * How a worker process ends: signals and exit codes. The only file that touches the process.
 *
 * Exit codes: 0 drained; 75 (EX_TEMPFAIL) handlers were left unfinished; 78 (EX_CONFIG) configuration, access or
 * topology; 70 (EX_SOFTWARE) anything else; 128 + n ended by a second signal n. Source: sysexits(3).
 */
import { isCeleriacError, type Logger } from '@celeriac/core';

import type { StopReport } from './worker-events.js';

export const exitCodes = { drained: 0, failed: 70, notDrained: 75, configuration: 78 } as const;

const signals = { SIGINT: 2, SIGTERM: 15 } as const;

interface Stoppable {
  start(): Promise<unknown>;
  stop(): Promise<StopReport>;
  /** Fires when it was told to stop by other means than a signal. */
  readonly told?: AbortSignal;
}

/** Starts, waits for a signal, stops. Resolves with the exit code, which is set on the process as well. */
export async function runUntilSignalled(worker: Stoppable, logger: Logger): Promise<number> {
  let stop: () => void = () => undefined;
  const signalled = new Promise<void>((resolve) => {
    stop = resolve;
    worker.told?.addEventListener('abort', stop, { once: true });
  });
  let count = 0;
  const handlers = Object.entries(signals).map(([name, number]) => {
    const handle = (): void => {
      count++;
      if (count > 1) {
        logger.warn('second signal: ending now; what is unfinished goes back to the queue', { signal: name });
        process.exit(128 + number);
      }
      logger.info('stopping', { signal: name });
      stop();
    };
    process.on(name, handle);
    return { name, handle };
  });
  const code = await runToEnd(worker, signalled, logger);
  for (const { name, handle } of handlers) process.off(name, handle);
  process.exitCode = code;
  // Handlers that did not heed their signal would keep the process alive without a connection.
  if (code === exitCodes.notDrained) process.exit(code);
  return code;
}

async function runToEnd(worker: Stoppable, signalled: Promise<void>, logger: Logger): Promise<number> {
  const started = worker.start().then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const first = await Promise.race([started, signalled.then(() => 'signalled' as const)]);
  if (typeof first === 'object') {
    logger.error('cannot start', { error: first.error });
    return isCeleriacError(first.error) && !first.error.retryable
      ? exitCodes.configuration
      : exitCodes.failed;
  }
  await signalled;
  const { drained } = await worker.stop();
  logger.info(drained ? 'stopped' : 'stopped with handlers unfinished');
  return drained ? exitCodes.drained : exitCodes.notDrained;
}
