/** The tasks of the matrix on the Node worker. Each tells `note` what it was called with. */
import { currentTask, Retry, type TaskContext, type Worker } from '@celeriac/worker';

class OutOfStock extends Error {}

const errors: Readonly<Record<string, () => Error>> = {
  TypeError: () => new TypeError('wrong'),
  Error: () => new Error('plain'),
  OutOfStock: () => new OutOfStock('none left 🐟'),
};

export function registerMatrix(worker: Worker, note: (given: readonly unknown[]) => void): void {
  worker.task('matrix.echo', (...given: unknown[]) => {
    note(given);
    return given;
  });
  worker.task('matrix.see', (...given: unknown[]) => note(given));
  worker.task('matrix.double', (number: number) => 2 * number);
  worker.task('matrix.give', (name: string) => (name === 'nan' ? NaN : 'é'.repeat(500_000)));
  worker.task('matrix.fail', (name: string) => {
    throw (errors[name] as () => Error)();
  });
  worker.task('matrix.flaky', (times: number, countdown: number) => {
    note([]);
    const { attempt } = currentTask() as TaskContext;
    if (attempt <= times) throw new Retry({ delay: countdown, cause: new Error('not yet') });
    return attempt - 1;
  });
  worker.task('matrix.soft', async () => {
    const { signal } = currentTask() as TaskContext;
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    signal.throwIfAborted();
  });
  worker.task(
    'matrix.quiet',
    (label: string) => {
      note([label]);
      return label;
    },
    { ignoreResult: true },
  );
}
