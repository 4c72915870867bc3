/**
 * The worker process: three applications that keep something by the events they registered for, and two tasks.
 * Holds what it learns in memory; publishes nothing but the report it is asked for.
 */
import { createLogger, createWorker } from '@celeriac/worker';

import * as contracts from './contracts.js';
import { loadAirports } from './dataset.js';
import { sum } from './direct.js';
import { metresBetween, metresToNearest, tenThousandths } from './geography.js';
import { Mirror } from './mirror.js';
import type { Report } from './report.js';

const airports = await loadAirports();
const byId = new Map(airports.map((airport) => [airport.id, airport]));

const worker = createWorker({
  config: contracts.configFile,
  overrides: contracts.runConfig(process.env['EXAMPLE_RUN'] ?? 'example'),
  logger: createLogger({ level: 'warn' }),
});

// Whatever happens to an airport: the values are validated and typed.
const catalogue = new Mirror();
worker
  .application(contracts.applications.catalogue)
  .on(contracts.airportEvents.any, (event) => catalogue.apply(event));

// One kind of event. By id: a repeat changes nothing.
const moved = new Map<string, number>();
worker
  .application(contracts.applications.survey)
  .on(contracts.airportEvents.updated, ({ id, values, originalValues }) => {
    if (values !== undefined) moved.set(id, metresBetween(values, { ...values, ...originalValues }));
  });

// Two kinds of events, one handler each.
const archive = new Mirror();
worker
  .application(contracts.applications.archive)
  .on(contracts.airportEvents.deleted, (event) => archive.apply(event))
  .on(contracts.airportEvents.restored, (event) => archive.apply(event));

const nearest = new Map<string, number>();
worker.task(contracts.findNearest, ({ id }) => {
  const airport = byId.get(id);
  if (airport === undefined) throw new Error(`There is no airport '${id}'.`);
  nearest.set(id, metresToNearest(airport, airports));
});

worker.task(contracts.publishReport, async (_input, context) => {
  await context.events.publishEvent(contracts.reportCreated, { id: context.id, values: report() });
});

function report(): Report {
  const { present } = catalogue;
  return {
    handled: {
      catalogue: catalogue.events,
      survey: moved.size,
      archive: archive.events,
      tasks: nearest.size,
    },
    sums: {
      airports: present.length,
      latitudes: sum(present.map(({ latitude }) => tenThousandths(latitude))),
      moved: moved.size,
      metresMoved: sum(moved.values()),
      deleted: archive.deleted,
      metresToNearest: sum(nearest.values()),
      loneliest: Math.max(0, ...nearest.values()),
    },
  };
}

worker.on('ready', () => process.send?.('ready'));
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM')); // the example has ended: so do we
process.channel?.unref();

await worker.run(); // until SIGTERM or SIGINT
