/**
 * Runs a scenario over an embedded broker once without faults, counting the frames that pass, and then once for every
 * frame with the connection cut right after it. Knows nothing of what the scenario promises: that is for it to check.
 */
import { type DevBroker, startBroker, type Step } from '@celeriac/dev-broker';

export interface CutWorld {
  readonly broker: DevBroker;
  /** The part of the scenario that is cut: frames before and after it are neither counted nor struck. */
  readonly cut: <T>(work: () => Promise<T>) => Promise<T>;
  /** Resolves when the cut has come, in runs where it is for good: from then on the broker lets nobody in. */
  readonly death: Promise<void>;
}

export interface CutOptions {
  /** Which frames are counted, and cut after. Default: all. */
  readonly frames?: (step: Step) => boolean;
  /** Every connection goes, and none comes back until `faults.clear()`: to the broker it is the death of the client. */
  readonly forGood?: boolean;
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

export async function cutEverywhere(scenario: Scenario, options: CutOptions = {}): Promise<CutReport> {
  const steps = await countedRun(scenario, options);
  const broken: string[] = [];
  let next = 1;
  let struck = 0;
  const lane = async (): Promise<void> => {
    while (next <= steps) {
      const run = await cutRun(scenario, { nth: next++, ...options });
      struck += run.struck;
      if (run.broken !== undefined) broken.push(run.broken);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return { steps, struck, broken };
}

async function countedRun(scenario: Scenario, { frames = all }: CutOptions): Promise<number> {
  await using broker = await startBroker();
  let steps = 0;
  await scenario({
    broker,
    death: new Promise(() => undefined),
    cut: async (work) => {
      const forget = broker.faults.onStep((step) => {
        if (frames(step)) steps++;
      });
      const result = await work();
      forget();
      return result;
    },
  });
  return steps;
}

interface Cut extends CutOptions {
  readonly nth: number;
}

async function cutRun(scenario: Scenario, cut: Cut): Promise<{ struck: number; broken?: string }> {
  await using broker = await startBroker();
  let struck = 0;
  let died = (): void => undefined;
  const death = new Promise<void>((resolve) => (died = resolve));
  try {
    await scenario({
      broker,
      death,
      cut: async (work) => {
        const end = arm(broker, cut, died);
        try {
          return await work();
        } finally {
          struck += end();
        }
      },
    });
    return { struck };
  } catch (error) {
    const where = broker.faults.history.join(', ') || `step ${cut.nth}, which was not reached`;
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { struck, broken: `${where}: ${what}` };
  }
}

/** Gives a function that ends it, and says how often it has struck. */
function arm(
  { faults }: DevBroker,
  { nth, forGood = false, frames = all }: Cut,
  died: () => void,
): () => number {
  let passed = 0;
  let struck = 0;
  const forget = faults.onStep((step) => {
    if (!frames(step) || ++passed !== nth) return;
    struck++;
    // It was asked for before this frame has passed, so that it strikes with it.
    faults.drop({ connection: step.connection, at: { nth: 1 } });
    if (!forGood) return;
    faults.refuse();
    queueMicrotask(() => faults.drop()); // the others, once this frame has passed
    died();
  });
  return () => {
    forget();
    return struck;
  };
}

function all(): boolean {
  return true;
}
