/** Keeps tasks that were cancelled from running. */
import type { Admission, Gate } from '../gate.js';
import type { Revocations } from '../control/revocations.js';
import { revoked } from '../revoked-error.js';
import type { Work } from '../work.js';

export class RevokedGate implements Gate {
  readonly name = 'cancellation';
  #revocations: Revocations;

  constructor(revocations: Revocations) {
    this.#revocations = revocations;
  }

  get isIdle(): boolean {
    return this.#revocations.isEmpty;
  }

  admit(work: Work): Admission {
    const { message } = work;
    if (message === undefined || !this.#revocations.has(message)) return undefined;
    return { outcome: { kind: 'revoked', error: revoked(work), terminated: false } };
  }
}
