/**
 * What stands between work that could run and its handler: limits, revocation, what ran before. A gate lets work pass,
 * or says how it ends without having run; and it may keep how the work ended before the broker forgets the message.
 * Never settles anything: `judge` decides what a refusal means.
 */
import type { Delivery, Logger, Outcome, Verdict } from '@celeriac/core';

import type { Work } from './work.js';

/** How work that passed has ended, and what will be done with its delivery. */
export interface Ending {
  readonly outcome: Outcome;
  readonly verdict: Verdict;
}

/** Work that a gate let pass. */
export interface Pass {
  /**
   * Called before the delivery is settled, and waited for: what has to be kept of the ending is kept here, since after
   * the acknowledgement nothing brings it back. What it throws is logged, and the delivery is settled all the same.
   */
  readonly ended?: (ending: Ending) => void | Promise<void>;
  /** Called last, when the delivery is settled: gives back what the work held. `verdict` is what was carried out. */
  readonly settled?: (verdict: Verdict) => void;
}

/** Undefined lets the work pass, with nothing to keep. An outcome ends it. */
export type Admission = undefined | { readonly pass: Pass } | { readonly outcome: Outcome };

export interface Gate {
  /** For the log. */
  readonly name: string;
  /** True: it would let anything pass, so it is not asked, and costs no turn of the loop. */
  readonly isIdle?: boolean;
  /** Asked when a slot is free, in the order of the gates. What it throws is logged, and lets the work pass. */
  admit(work: Work, delivery: Delivery): Admission | Promise<Admission>;
}

/** The gates that one piece of work has passed. */
export class Passage {
  #passes: { readonly name: string; readonly pass: Pass }[] = [];
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** True when a gate has something to keep or to give back. */
  get isHeld(): boolean {
    return this.#passes.length > 0;
  }

  /** The outcome of the first gate that refuses; undefined when all let it pass. Never rejects. */
  async through(gates: readonly Gate[], work: Work, delivery: Delivery): Promise<Outcome | undefined> {
    for (const gate of gates) {
      try {
        const asked = gate.admit(work, delivery);
        const admission = asked instanceof Promise ? await asked : asked;
        if (admission === undefined) continue;
        if ('outcome' in admission) return admission.outcome;
        this.#passes.push({ name: gate.name, pass: admission.pass });
      } catch (error) {
        this.#logger.error(`${gate.name} failed, the task runs without it`, {
          name: work.name,
          id: work.id,
          error,
        });
      }
    }
    return undefined;
  }

  /** Tells the gates, last one first, and waits for them. Never rejects. */
  async ended(ending: Ending): Promise<void> {
    for (const { name, pass } of this.#passes.toReversed()) {
      try {
        await pass.ended?.(ending);
      } catch (error) {
        this.#logger.error(`${name} failed to keep how it ended`, { outcome: ending.outcome.kind, error });
      }
    }
  }

  settled(verdict: Verdict): void {
    for (const { name, pass } of this.#passes.toReversed()) {
      try {
        pass.settled?.(verdict);
      } catch (error) {
        this.#logger.error(`${name} failed to give back what it held`, { error });
      }
    }
  }
}
