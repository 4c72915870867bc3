/** Lamport's clock, as Celery keeps it: what a node has seen is before what it says next. */
export class LogicalClock {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  /** For something that is said. */
  forward(): number {
    this.#value++;
    return this.#value;
  }

  /** Something was heard. */
  adjust(other: number | undefined): void {
    this.#value = Math.max(this.#value, other ?? 0) + 1;
  }
}
