/**
 * A worker process of a chaos run, which writes what its handlers do into the ledger. Its tasks: `chaos.work` takes so
 * many milliseconds; `chaos.flaky` fails at its first attempt; `chaos.fail` always; `chaos.die` kills the process once
 * its work is done and nobody knows; `chaos.long` takes its time unless it is redelivered, and heeds its signal.
 * Argument: `WorkerPlan` as JSON.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { systemClock } from '@celeriac/core';
import { createLogger, createWorker, currentTask, type TaskContext } from '@celeriac/worker';

import type { WorkerPlan } from '../chaos/fleet.js';
import { LedgerWriter } from '../chaos/ledger.js';
import { chosenIo } from '../chosen-io.js';

const plan = JSON.parse(process.argv[2] ?? '{}') as WorkerPlan;
const ledger = new LedgerWriter(plan.ledger, plan.name);
const worker = createWorker({
  config: {
    events: { connection_string: plan.url, consumer_heartbeat: plan.heartbeat, reconnect_max_delay: 1 },
    tasks: {
      default_queue: plan.queue,
      queue_type: plan.queueType,
      delayed_delivery_ahead: false,
      ...(plan.celery && { compatibility: 'celery' as const }),
    },
    task_handler: { concurrency: plan.concurrency, shutdown_grace: plan.graceSeconds },
  },
  env: chosenIo,
  logger: createLogger({ level: 'warn' }),
  ...(plan.clockAheadMs !== 0 && {
    clock: { ...systemClock, now: () => systemClock.now() + plan.clockAheadMs },
  }),
});
const context = (): TaskContext => currentTask() as TaskContext;

/** Between its `begin` and its `end` in the ledger. */
async function noted(work: () => Promise<unknown>): Promise<void> {
  const { id, attempt } = context();
  ledger.write('begin', id, attempt);
  await work();
  ledger.write('end', id, attempt);
}

worker.task('chaos.work', (ms: number) => noted(() => sleep(ms)));
worker.task(
  'chaos.flaky',
  (ms: number) =>
    noted(async () => {
      await sleep(ms);
      if (context().attempt === 1) throw new Error('the first time');
    }),
  { retry: { max: 3, delay: '1s', backoff: 'fixed' } },
);
worker.task('chaos.fail', () =>
  noted(() => {
    throw new Error('as it should');
  }),
);
worker.task('chaos.die', async () => {
  await noted(() => Promise.resolve());
  if (!context().redelivered) process.kill(process.pid, 'SIGKILL');
});
worker.task('chaos.long', (ms: number) =>
  noted(async () => {
    const { redelivered, signal } = context();
    if (!redelivered) await sleep(ms, undefined, { signal });
  }),
);
worker.on('settled', ({ id = '-', verdict, outcome }) => {
  if (verdict.kind === 'deadLetter') ledger.write('dead', id, verdict.reason);
  if (verdict.kind === 'abandon') ledger.write('abandoned', id, outcome.kind);
});
worker.on('lost', ({ code }) => ledger.write('lost', '-', code));
worker.on('restored', (generation) => ledger.write('restored', '-', generation));
worker.on('ready', () => console.log('ready'));
await worker.run();
