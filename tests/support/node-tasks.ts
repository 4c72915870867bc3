/** Tasks of a Node worker whose results others read. Each returns or throws one thing. */
import { currentTask, type TaskContext, type Worker } from '@celeriac/worker';

class OutOfStock extends Error {}

export function registerResults(worker: Worker): void {
  worker.task('node.number', () => 42);
  worker.task('node.look-alike', () => ({ status: 'STARTED', result: 1 }));
  worker.task('node.none', () => undefined);
  worker.task('node.text', () => 'åß漢😀');
  worker.task('node.big', () => 2n ** 80n);
  worker.task('node.nested', () => [[1, [2, { a: [null, true, 1.5] }]], {}]);
  worker.task('node.date', () => new Date(Date.UTC(2031, 1, 3)));
  worker.task('node.type-error', () => {
    throw new TypeError('wrong');
  });
  worker.task('node.own-error', () => {
    throw new OutOfStock('none left');
  });
  worker.task('node.text-thrown', () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- what careless code does
    throw 'just text';
  });
  worker.task('node.function', () => ({ call: () => 1 }));
  worker.task(
    'node.again',
    () => {
      const { attempt } = currentTask() as TaskContext;
      if (attempt === 1) throw new Error('first');
      return attempt;
    },
    { retry: { max: 2, delay: '10ms', jitter: false } },
  );
}
