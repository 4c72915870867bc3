/**
 * Handlers under many seeded histories of faults, frame by frame, for as long as one has patience: everything
 * confirmed runs to its end or is a dead letter, nothing is settled twice, the worker stops in time. Not part of the
 * tests: `npm run soak -- [--seeds 200] [--from 1] [--likelihood 0.05]`. Exit code 1 when a promise was broken.
 */
import { setImmediate } from 'node:timers';
import { parseArgs } from 'node:util';

import { frameFaults, underFaults } from '@celeriac/testing';
import { defineEvent } from '@celeriac/worker';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    likelihood: { type: 'string', default: '0.05' },
  },
});
const [from, seeds, likelihood] = [values.from, values.seeds, values.likelihood].map(Number);
const dealUpdated = defineEvent({ object: 'deal', action: 'update' });

function register(worker) {
  const tries = new Map();
  worker.task('quick', () => undefined);
  worker.task('slow', () => new Promise((resolve) => setImmediate(resolve)));
  worker.task('fails', () => {
    throw new Error('by design');
  });
  worker.task(
    'flaky',
    (id) => {
      tries.set(id, (tries.get(id) ?? 0) + 1);
      if (tries.get(id) < 2) throw new Error('the first time');
    },
    { retry: { max: 3, delay: '50ms', backoff: 'fixed' } },
  );
  worker.application('crm').on(dealUpdated, () => undefined);
}

async function scenario({ publisher }) {
  for (let id = 0; id < 6; id++) {
    await publisher.send('quick', [id]);
    await publisher.send('fails');
    await publisher.send('flaky', [id]);
    await publisher.publishEvent(dealUpdated, { id });
    await publisher.sendMany('slow', [[1], [2], [3]]);
  }
}

const total = { seeds: 0, faults: 0, confirmed: 0, settled: 0, broken: 0 };
for (let seed = from; seed < from + seeds; seed++) {
  const faults = frameFaults({ likelihood });
  const config = { events: { reconnect_max_delay: '50ms' } };
  try {
    const report = await underFaults({ seeds: [seed], register, scenario, faults, config, endWithin: '60s' });
    for (const key of ['seeds', 'faults', 'confirmed', 'settled']) total[key] += report[key];
  } catch (error) {
    total.broken++;
    console.error(error instanceof Error ? (error.stack ?? error.message) : error);
  }
  if (seed % 20 === 0) console.log(`seed ${seed}: ${JSON.stringify(total)}`);
}
console.log(JSON.stringify(total));
process.exitCode = total.broken > 0 ? 1 : 0;
