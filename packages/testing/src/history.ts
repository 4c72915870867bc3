/** What happened in a run, step by step, and the faults in between. Keeps lines; decides nothing. */
import type { Faults } from './faults.js';

export class History {
  #lines: string[] = [];
  #faults: Faults;
  #struck = 0;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** How many faults there were. */
  get struck(): number {
    return this.#struck;
  }

  /** Something happens, and a fault may follow it. */
  step(what: string): void {
    this.note(what);
    const struck = this.#faults.strike() ?? [];
    for (const fault of typeof struck === 'string' ? [struck] : struck) {
      this.#struck++;
      this.note(`FAULT: ${fault}`);
    }
  }

  /** Something to remember that is no step. */
  note(what: string): void {
    this.#lines.push(what);
  }
}
