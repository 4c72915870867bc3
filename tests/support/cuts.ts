/**
 * Runs a scenario over an embedded broker once without faults, counting the frames that pass, and then once for every
 * frame with the connection cut right after it. Knows nothing of what the scenario promises: that is for it to check.
 */
import { type DevBroker, startBroker } from '@celeriac/dev-broker';

export interface CutWorld {
  readonly broker: DevBroker;
  /** The part of the scenario that is cut: frames before and after it are neither counted nor struck. */
  readonly cut: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Rejects when a promise was broken. */
export type Scenario = (world: CutWorld) => Promise<void>;

export interface CutReport {
  /** Frames of the run without a cut. */
  readonly steps: number;
  /** Runs in which the connection was cut; one that took fewer steps this time had none. */
  readonly struck: number;
  /** What broke, and after which frame. */
  readonly broken: readonly string[];
}

/** Connections wait for each other more than they work: so many runs at once do not slow each other down. */
const atOnce = 8;

export async function cutEverywhere(scenario: Scenario): Promise<CutReport> {
  const steps = await countedRun(scenario);
  const broken: string[] = [];
  let next = 1;
  let struck = 0;
  const lane = async (): Promise<void> => {
    while (next <= steps) {
      const run = await cutRun(scenario, next++);
      struck += run.struck;
      if (run.broken !== undefined) broken.push(run.broken);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return { steps, struck, broken };
}

async function countedRun(scenario: Scenario): Promise<number> {
  await using broker = await startBroker();
  let steps = 0;
  await scenario({
    broker,
    cut: async (work) => {
      const forget = broker.faults.onStep(() => steps++);
      const result = await work();
      forget();
      return result;
    },
  });
  return steps;
}

async function cutRun(scenario: Scenario, nth: number): Promise<{ struck: number; broken?: string }> {
  await using broker = await startBroker();
  let struck = 0;
  try {
    await scenario({
      broker,
      cut: async (work) => {
        const fault = broker.faults.drop({ at: { nth } });
        try {
          return await work();
        } finally {
          fault.end();
          struck += fault.struck;
        }
      },
    });
    return { struck };
  } catch (error) {
    const where = broker.faults.history.join(', ') || `step ${nth}, which was not reached`;
    return {
      struck,
      broken: `${where}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    };
  }
}
