/** The worker as a process of its own: starts it, says when it consumes, and ends it. Sends it no work. */
import { fork } from 'node:child_process';
import { once } from 'node:events';

export interface WorkerProcess {
  /** Resolves once it consumes. Rejects when it ends before that. */
  readonly ready: Promise<unknown>;
  /** Rejects when it ends without having been asked to. */
  readonly died: Promise<never>;
  /** Lets it finish what is in hand; resolves when it is gone. */
  stop(): Promise<void>;
}

export function startWorker(run: string): WorkerProcess {
  // In a process group of its own: Ctrl-C reaches this process only, which then stops the worker in good order.
  const child = fork(new URL('worker.js', import.meta.url), {
    env: { ...process.env, EXAMPLE_RUN: run },
    detached: true,
  });
  let stopping = false;
  const exited = once(child, 'exit');
  const died = exited.then(([code, signal]: unknown[]): never => {
    throw new Error(`The worker process ended (${String(code ?? signal)}).`);
  });
  died.catch(() => undefined); // whoever waits for it hears of it; after stop() nobody does
  return {
    ready: Promise.race([once(child, 'message'), died]),
    died,
    stop: async () => {
      if (!stopping) child.kill('SIGTERM');
      stopping = true;
      await exited;
    },
  };
}
