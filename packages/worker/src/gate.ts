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
  /** Given to the handler: rises with every run under the same key. */
  readonly fencing?: number;
  /**
   * Called before the delivery is settled, and waited for: what has to be kept of the ending is kept here, since after
   * the acknowledgement nothing brings it back. What it throws is logged, and the delivery is settled all the same.
   */
  readonly ended?: (ending: Ending) => void | Promise<void>;
  /**
   * Called, and waited for, when a copy that takes the message's place is confirmed, and the message itself is not
   * acknowledged yet: a crash before that left the message alone.
   */
  readonly copied?: (verdict: Verdict) => void | Promise<void>;
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

  get fencing(): number | undefined {
    return this.#passes.find(({ pass }) => pass.fencing !== undefined)?.pass.fencing;
  }

  /**
   * The outcome of the first gate that refuses; undefined when all let it pass. A promise only where a gate had to ask
   * elsewhere: most work passes at once. Neither throws nor rejects.
   */
  through(
    gates: readonly Gate[],
    work: Work,
    delivery: Delivery,
  ): Outcome | undefined | Promise<Outcome | undefined> {
    for (const [index, gate] of gates.entries()) {
      let admission: Admission;
      try {
        const asked = gate.admit(work, delivery);
        if (asked instanceof Promise) return this.#waitThrough(asked, gates.slice(index), { work, delivery });
        admission = asked;
      } catch (error) {
        this.#failed(gate, work, error);
        continue;
      }
      const refused = this.#noted(gate, admission);
      if (refused !== undefined) return refused;
    }
    return undefined;
  }

  async #waitThrough(
    asked: Promise<Admission>,
    [gate, ...others]: readonly Gate[],
    { work, delivery }: { readonly work: Work; readonly delivery: Delivery },
  ): Promise<Outcome | undefined> {
    const current = gate as Gate;
    const refused = await asked.then(
      (admission) => this.#noted(current, admission),
      (error: unknown) => this.#failed(current, work, error),
    );
    return refused ?? (await this.through(others, work, delivery));
  }

  #noted({ name }: Gate, admission: Admission): Outcome | undefined {
    if (admission === undefined) return undefined;
    if ('outcome' in admission) return admission.outcome;
    this.#passes.push({ name, pass: admission.pass });
    return undefined;
  }

  #failed({ name: gate }: Gate, { name, id }: Work, error: unknown): undefined {
    this.#logger.error(`${gate} failed, the task runs without it`, { name, id, error });
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

  /** As `ended`. */
  async copied(verdict: Verdict): Promise<void> {
    for (const { name, pass } of this.#passes.toReversed()) {
      try {
        await pass.copied?.(verdict);
      } catch (error) {
        this.#logger.error(`${name} failed to keep that it goes on`, { verdict: verdict.kind, error });
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
