/** Faults by chance, decided by a seed: at every frame the dice say whether something goes wrong, and what. */
import { CeleriacError, seededRandom } from '@celeriac/core';

import type { Fault, FaultOptions } from './fault.js';
import { matches } from './fault.js';
import { describeStep, type Step } from './step.js';
import type { FaultTarget, Interceptor, Strike } from './target.js';

/** What it asks of the dial. */
export interface RandomFaultDial {
  intercept(interceptor: Interceptor): () => void;
  note(what: string): void;
  cancelConsumers(): number;
  nackConfirm(): Fault;
  withholdConfirm(): Fault;
}

const acts = {
  drop: (target) => target.drop(),
  'close-connection': (target) => target.close(320, 'CONNECTION_FORCED - injected fault'),
  'close-channel': (target, step) => {
    if (step.channel === 0) target.drop();
    else target.closeChannel(step.channel, 541, 'injected fault');
  },
  'cancel-consumers': (_target, _step, dial) => void dial.cancelConsumers(),
  'nack-confirm': (_target, _step, dial) => void dial.nackConfirm(),
  'withhold-confirm': (_target, _step, dial) => void dial.withholdConfirm(),
  'time-out-consumers': (target) => target.timeOutConsumers(),
  stall: (target) => target.stall(),
} as const satisfies Record<string, (target: FaultTarget, step: Step, dial: RandomFaultDial) => void>;

export type RandomFaultKind = keyof typeof acts;

export const randomFaultKinds: readonly RandomFaultKind[] = Object.keys(acts) as RandomFaultKind[];

/** Without those that take the time of a heartbeat or of a publish timeout to be noticed. */
const swift: readonly RandomFaultKind[] = randomFaultKinds.filter(
  (kind) => kind !== 'stall' && kind !== 'withhold-confirm',
);

export interface RandomFaultOptions extends Pick<FaultOptions, 'connection'> {
  /** A number, or dice that somebody else holds: 0 up to 1. */
  readonly seed: number | (() => number);
  /** How likely a frame is struck: 0 to 1. Default 0.01. */
  readonly likelihood?: number;
  /** Default: all that are noticed at once. */
  readonly kinds?: readonly RandomFaultKind[];
}

/** Throws ERR_INPUT_INVALID for a kind that there is not. */
export function randomFault(dial: RandomFaultDial, options: RandomFaultOptions): Fault {
  const { seed, likelihood = 0.01, kinds = swift } = options;
  kinds.forEach(mustExist);
  const random = typeof seed === 'number' ? seededRandom(seed) : seed;
  let struck = 0;
  const end = dial.intercept((step, target): Strike | undefined => {
    if (!matches(step.connection, options)) return undefined;
    // Both are drawn each time, so that the numbers that follow stay the same.
    const isDue = random() < likelihood;
    const kind = kinds[Math.floor(random() * kinds.length)];
    if (!isDue || kind === undefined) return undefined;
    struck++;
    dial.note(`${kind} at ${describeStep(step)}`);
    return { act: () => acts[kind](target, step, dial) };
  });
  return {
    get struck() {
      return struck;
    },
    end,
  };
}

function mustExist(kind: string): void {
  if (kind in acts) return;
  throw new CeleriacError('ERR_INPUT_INVALID', {
    message: `There is no fault '${kind}'.`,
    hint: `There are ${randomFaultKinds.join(', ')}.`,
    values: { kind },
  });
}
