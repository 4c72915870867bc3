/** The same numbers straight from the data: no events, no tasks, no broker. What the workers say must equal it. */
import type { Airport } from './dataset.js';
import { metresBetween, metresToNearest, surveyed, tenThousandths } from './geography.js';
import { isDeleted, isRestored, isSurveyed } from './history.js';
import type { Report, Sums } from './report.js';

export function directSums(airports: readonly Airport[]): Sums {
  const deleted = airports.filter((airport) => isDeleted(airport) && !isRestored(airport));
  const left = airports.filter((airport) => !deleted.includes(airport));
  const moved = airports.filter(isSurveyed);
  const nearest = airports.map((airport) => metresToNearest(airport, airports));
  return {
    airports: left.length,
    latitudes: sum(left.map(({ latitude }) => tenThousandths(latitude))),
    moved: moved.length,
    metresMoved: sum(moved.map((airport) => metresBetween(airport, surveyed(airport)))),
    deleted: deleted.length,
    metresToNearest: sum(nearest),
    loneliest: Math.max(...nearest),
  };
}

/** How many messages each application, and the task handler, must have handled in the end. */
export function directCounts(airports: readonly Airport[]): Report['handled'] {
  const survey = airports.filter(isSurveyed).length;
  const archive = airports.filter(isDeleted).length + airports.filter(isRestored).length;
  return { catalogue: airports.length + survey + archive, survey, archive, tasks: airports.length };
}

export function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
