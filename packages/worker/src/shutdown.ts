/**
 * How a worker process ends, and what else it heeds: signals, exit codes, errors nobody caught. The only file that
 * touches the process.
 *
 * SIGTERM and SIGINT stop it; SIGTSTP makes it quiet (as in Sidekiq) and SIGCONT lets it resume. SIGUSR1 is left to
 * Node's inspector.
 *
 * Exit codes: 0 drained; 75 (EX_TEMPFAIL) handlers were left unfinished; 78 (EX_CONFIG) configuration, access or
 * topology; 70 (EX_SOFTWARE) anything else; 128 + n ended by a second signal n. Source: sysexits(3).
 */
import { isCeleriacError, type LogFields, type Logger } from '@celeriac/core';

import { currentTask } from './context.js';
import type { StopReport } from './worker-events.js';

export const exitCodes = { drained: 0, failed: 70, notDrained: 75, configuration: 78 } as const;

const signals = { SIGINT: 2, SIGTERM: 15 } as const;

interface Signalled {
  start(): Promise<unknown>;
  quiet(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<StopReport>;
  /** Fires when it was told to stop by other means than a signal. */
  readonly told?: AbortSignal;
}

/** Why it stops. */
type Cause = 'told' | 'uncaught';

/** Starts, waits for a signal, stops. Resolves with the exit code, which is set on the process as well. */
export async function runUntilSignalled(worker: Signalled, logger: Logger): Promise<number> {
  let stop: (cause: Cause) => void = () => undefined;
  const toStop = new Promise<Cause>((resolve) => {
    stop = resolve;
    worker.told?.addEventListener('abort', () => stop('told'), { once: true });
  });
  const listeners = {
    ...stopListeners(() => stop('told'), logger),
    ...quietListeners(worker, logger),
    ...uncaughtListeners(() => stop('uncaught'), logger),
  };
  for (const [event, listener] of Object.entries(listeners)) process.on(event, listener);
  const code = await runToEnd(worker, toStop, logger);
  for (const [event, listener] of Object.entries(listeners)) process.off(event, listener);
  process.exitCode = code;
  // Handlers that did not heed their signal would keep the process alive without a connection.
  if (code === exitCodes.notDrained) process.exit(code);
  return code;
}

type Listeners = Readonly<Record<string, (given: unknown) => void>>;

function stopListeners(stop: () => void, logger: Logger): Listeners {
  let count = 0;
  const listeners = Object.entries(signals).map(([name, number]) => {
    const listener = (): void => {
      count++;
      if (count > 1) {
        logger.warn('second signal: ending now; what is unfinished goes back to the queue', { signal: name });
        process.exit(128 + number);
      }
      logger.info('stopping', { signal: name });
      stop();
    };
    return [name, listener] as const;
  });
  return Object.fromEntries(listeners);
}

/** SIGCONT also comes to a process that was only suspended: then there is nothing to resume. */
function quietListeners(worker: Signalled, logger: Logger): Listeners {
  let isQuiet = false;
  const heed = (signal: string, verb: () => Promise<void>): void => {
    verb().then(
      () => logger.info(isQuiet ? 'quiet: no further deliveries until SIGCONT' : 'resumed', { signal }),
      (error: unknown) => logger.warn('signal not heeded', { signal, error }),
    );
  };
  return {
    SIGTSTP: () => {
      isQuiet = true;
      heed('SIGTSTP', () => worker.quiet());
    },
    SIGCONT: () => {
      if (!isQuiet) return;
      isQuiet = false;
      heed('SIGCONT', () => worker.resume());
    },
  };
}

/**
 * A promise that nobody awaited costs its own result, not the other tasks. After an exception that nobody caught, state
 * may be broken: others finish, and the process ends, to be started anew.
 */
function uncaughtListeners(stop: () => void, logger: Logger): Listeners {
  let isPipeBroken = false;
  return {
    unhandledRejection: (error: unknown) => {
      logger.error('a promise was rejected that nobody awaits', { ...runningNow(), error });
    },
    uncaughtException: (error: unknown) => {
      // It may be the log itself: to say so each time would go on without end.
      const isRepeated = isPipeBroken && isBrokenPipe(error);
      isPipeBroken ||= isBrokenPipe(error);
      if (isRepeated) return;
      logger.error('an exception that nobody caught: stopping', { ...runningNow(), error });
      stop();
    },
  };
}

function isBrokenPipe(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE';
}

/** The handler it comes from, where that can be told. */
function runningNow(): LogFields {
  const context = currentTask();
  if (context === undefined) return {};
  const name = 'task' in context ? { task: context.task } : { application: context.application };
  return { ...name, id: context.id, queue: context.queue };
}

async function runToEnd(worker: Signalled, toStop: Promise<Cause>, logger: Logger): Promise<number> {
  const started = worker.start().then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const first = await Promise.race([started, toStop]);
  if (typeof first === 'object') {
    logger.error('cannot start', { error: first.error });
    return isCeleriacError(first.error) && !first.error.retryable
      ? exitCodes.configuration
      : exitCodes.failed;
  }
  const cause = await toStop;
  const { drained } = await worker.stop();
  logger.info(drained ? 'stopped' : 'stopped with handlers unfinished');
  if (!drained) return exitCodes.notDrained;
  return cause === 'uncaught' ? exitCodes.failed : exitCodes.drained;
}
