/**
 * A publisher process of a chaos run: sends until SIGTERM, or until its share is sent, and writes what it intends and
 * what came of it into the ledger. Ends with 0 when every send has settled. Argument: `PublisherPlan` as JSON.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { createLogger, isCeleriacError, seededRandom } from '@celeriac/core';
import { createPublisher } from '@celeriac/publisher';

import { LedgerWriter } from '../chaos/ledger.js';
import type { PublisherPlan } from '../chaos/fleet.js';

const plan = JSON.parse(process.argv[2] ?? '{}') as PublisherPlan;
const ledger = new LedgerWriter(plan.ledger, plan.name);
const random = seededRandom(plan.seed);
const publisher = await createPublisher({
  config: {
    events: { connection_string: plan.url, publisher_heartbeat: plan.heartbeat, reconnect_max_delay: 1 },
    tasks: {
      default_queue: plan.queue,
      queue_type: plan.queueType,
      publish_timeout: plan.publishTimeout,
      ...(plan.celery && { compatibility: 'celery' as const }),
    },
  },
  env: {},
  logger: createLogger({ level: 'warn' }),
});
publisher.on('lost', ({ code }) => ledger.write('lost', '-', code));
publisher.on('restored', (generation) => ledger.write('restored', '-', generation));
let isStopping = false;
let closing: Promise<void> | undefined;
process.once('SIGTERM', () => {
  isStopping = true;
  closing = publisher.close(); // what is on its way is waited for, and settled in any case
});
console.log('ready');

let sent = 0;
await Promise.all(Array.from({ length: plan.lanes }, lane));
await (closing ?? publisher.close());
console.log('done');

async function lane(): Promise<void> {
  while (!isStopping && sent < (plan.count ?? Infinity)) {
    const began = performance.now();
    await sendOne(`${plan.name}-${sent++}`);
    const pause = (plan.lanes * 1000) / plan.perSecond - (performance.now() - began);
    if (pause > 0) await sleep(pause);
  }
}

async function sendOne(id: string): Promise<void> {
  const { task, args, delayMs } = choose();
  // Rounded the way a header carries it: to the millisecond, never up.
  const due = delayMs === undefined ? '' : ` ${Date.now() + delayMs}`;
  ledger.write('intend', id, `${task}${due}`);
  try {
    await publisher.send(task, args, { id, ...(delayMs !== undefined && { delay: `${delayMs}ms` }) });
    ledger.write('confirmed', id);
  } catch (error) {
    const { outcome } = isCeleriacError(error) ? error.values : {};
    ledger.write(outcome === 'unknown' ? 'unknown' : 'refused', id, (error as { code?: string }).code);
  }
}

function choose(): { task: string; args: unknown[]; delayMs?: number } {
  const { retries, failures, delays } = plan.mix;
  const dice = random();
  const args = [Math.floor(random() * plan.longestTaskMs)];
  if (dice < retries) return { task: 'chaos.flaky', args };
  if (dice < retries + failures) return { task: 'chaos.fail', args: [] };
  if (dice < retries + failures + delays.share) {
    const delayMs = Math.floor(delays.fromMs + random() * (delays.toMs - delays.fromMs));
    return { task: 'chaos.work', args, delayMs };
  }
  return { task: 'chaos.work', args };
}
