/** Tasks of a pool that send workflows, and one that puts another in its place. */
import { chord, currentTask, signature, type TaskContext, type Worker } from '@celeriac/worker';

export function register(worker: Worker): void {
  worker.task('plus-one', (number: number) => number + 1);
  worker.task('count', (all: unknown[]) => all.length);
  worker.task('chord-of', async (count: number) => {
    const header = Array.from({ length: count }, (_, index) => signature('plus-one', [index]));
    const context = currentTask() as TaskContext;
    return (await context.sendWorkflow(chord(header, signature('count')))).id;
  });
  worker.task('replaced', (number: number) =>
    (currentTask() as TaskContext).replace(signature('plus-one', [number + 9])),
  );
}
