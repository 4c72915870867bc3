/** Steps of workflows of both languages: signatures, and the tasks of the Node side, which note what they got. */
import {
  chain,
  currentTask,
  type Signature,
  signature,
  type TaskContext,
  type Worker,
} from '@celeriac/worker';

export const inPython = { queue: 'celery' };
export const inNode = { queue: 'node' };

export interface SeenStep {
  readonly name: string;
  readonly id: string;
  readonly rootId: string;
  readonly parentId: string | undefined;
  readonly args: unknown[];
}

export type Numbers = Signature<unknown, number>;
export const add = (...args: number[]): Numbers => signature('canvas.add', args, inPython);
export const total = (): Numbers => signature('canvas.total', [], inPython);
export const nodeAdd = (...args: number[]): Numbers => signature('node.add', args, inNode);
export const nodeTotal = (): Numbers => signature('node.total', [], inNode);

export function registerSteps(
  worker: Worker,
  { seen, errbacks }: { seen: SeenStep[]; errbacks: unknown[][] },
): void {
  const note = (args: unknown[]): void => {
    const { task: name, message } = currentTask() as TaskContext;
    seen.push({ name, id: message.id, rootId: message.rootId, parentId: message.parentId, args });
  };
  worker.task('node.add', (...args: number[]) => {
    note(args);
    return args.reduce((sum, one) => sum + one, 0);
  });
  worker.task('node.total', (numbers: number[]) => {
    note([numbers]);
    return numbers.reduce((sum, one) => sum + one, 0);
  });
  worker.task('node.list', (value: unknown) => value);
  worker.task('node.fail', () => {
    throw new TypeError('wrong');
  });
  worker.task('node.errback', (...args: unknown[]) => void errbacks.push(args));
  const twice = { retry: { max: 5, delay: '10ms', jitter: false } } as const;
  worker.task(
    'node.flaky',
    (times: number, value: number) => {
      if ((currentTask() as TaskContext).attempt <= times) throw new Error('not yet');
      return value;
    },
    twice,
  );
  worker.task('node.replace', (by: number) => (currentTask() as TaskContext).replace(add(by, 1)));
  worker.task('node.replace-by-chain', (by: number) =>
    (currentTask() as TaskContext).replace(chain(nodeAdd(by), add(10))),
  );
}
