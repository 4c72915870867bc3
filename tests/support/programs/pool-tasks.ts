/** Tasks for pools of threads and processes: each does one thing that a worker has to get over, or be told. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, threadId } from 'node:worker_threads';

import { currentTask, defineTask, Reject, Retry, type TaskContext, type Worker } from '@celeriac/worker';
import { z } from 'zod';

export const where = (): string => `${process.pid}/${isMainThread ? 'process' : `thread ${threadId}`}`;

/** Validated where it runs: the Date is made there. */
export const dated = defineTask({ name: 'dated', input: z.object({ at: z.coerce.date() }) });

const hoard: unknown[] = [];

class TooBusy extends Error {
  readonly retryAfter = 7;
  readonly code = 'E_BUSY';
}

function context(): TaskContext {
  return currentTask() as TaskContext;
}

export function register(worker: Worker): void {
  worker.task('where', where);
  worker.task('add', (a: number, b: number) => a + b);
  worker.task('give', () => ({ at: new Date(0), big: 2n ** 70n, none: undefined }));
  worker.task('give-code', () => ({ where, list: [1] }));
  worker.task('give-written', () => ({ toJSON: () => ({ written: true }) }));
  worker.task('parent', async () => (await context().tasks.send('add', [1, 1])).id);
  worker.task(dated, ({ at }) => at.getUTCFullYear());
  worker.task('fencing', () => currentTask()?.fencing, { idempotency: { key: '0' } });
  worker.task('send-unique', async (key: string) => {
    const send = () => context().tasks.send('where', [], { unique: { key, while: 'ttl' } });
    const [first, second] = [await send(), await send()];
    return first.id === second.duplicateOf;
  });
  worker.task('spin', () => {
    context().progress('spinning');
    for (;;);
  });
  worker.task('slow', async (ms: number) => {
    context().progress('slow');
    await sleep(ms);
  });
  worker.task('exit', (code: number) => process.exit(code));
  worker.task('kill', () => process.kill(process.pid, 'SIGKILL'));
  worker.task('throw-later', async () => {
    setImmediate(() => {
      throw new RangeError('nobody caught this');
    });
    await sleep(60_000);
  });
  worker.task('hoard', () => {
    // Over 100 MiB of heap, and of resident memory.
    for (let n = 0; n < 20; n++) hoard.push(Array.from({ length: 200_000 }, (_, index) => ({ index })));
    return where();
  });
  worker.task('eat', () => {
    const eaten: unknown[] = [];
    for (;;) eaten.push(Array.from({ length: 50_000 }, (_, index) => ({ index })));
  });
  worker.task('eat-buffers', async () => {
    const eaten: Buffer[] = [];
    for (;;) {
      eaten.push(Buffer.alloc(8 * 2 ** 20, 1));
      await sleep(1);
    }
  });
  worker.task('talk', () => {
    const { logger, id, attempt, queue, headers } = context();
    logger.warn('said from inside', { n: 7, error: new TypeError('not that bad') });
    context().progress({ percent: 50 });
    return { id, attempt, queue, own: headers['x-own'] };
  });
  worker.task('heed', async () => {
    const { signal } = context();
    context().progress('waiting');
    await new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  });
  worker.task('deaf', async () => {
    context().progress('deaf');
    await new Promise(() => setInterval(() => undefined, 1_000));
  });
  worker.task('send-on', async (n: number) => {
    const { tasks, events } = context();
    const { id } = await tasks.send('add', [n, 1]);
    const unrouted = await events.publishEvent('core.limeobject.x.new.v1', { n }).then(
      () => 'routed',
      (error: unknown) => (error as { code?: string }).code,
    );
    return { id, unrouted };
  });
  worker.task('chain', (to: number) => {
    const task = context() as TaskContext<{ n: bigint }>;
    const { checkpointState, attempt, message } = task;
    const n = checkpointState?.n ?? 2n ** 60n;
    if (Number(n - 2n ** 60n) < to) task.checkpoint({ n: n + 1n });
    return { n: String(n), attempt, number: message.checkpoint?.number };
  });
  worker.task('blob', () => new Blob(['not for every channel']));
  worker.task('send-late', async () => {
    context().progress('sending soon');
    await sleep(1_500); // long enough for the connection to be lost
    const { tasks, events } = context();
    const code = (error: unknown): unknown => (error as { code?: string }).code;
    const task = await tasks.send('add', [1, 1]).then(({ id }) => id, code);
    const event = await events.publishEvent('core.limeobject.x.new.v1', {}).then(() => 'sent', code);
    return [task, event];
  });
  worker.task('fail', (how: string) => {
    const cause = new SyntaxError('below');
    if (how === 'retry') throw new Retry({ delay: '90s', cause, reason: 'later' });
    if (how === 'reject') throw new Reject('never', { cause });
    throw new TooBusy('as always', { cause });
  });
}
