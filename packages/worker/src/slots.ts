/** How many handlers run at once. Hands out a number of slots, first come, first served; the number can change. */
export class Slots {
  /** Below zero while more run than may, after there were more slots. */
  #free: number;
  #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Undefined when a slot was free: it is taken. Else a promise for the next one. */
  take(): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free--;
      return undefined;
    }
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  release(): void {
    this.change(1);
  }

  /** So many more, or fewer; what runs already runs on. */
  change(by: number): void {
    this.#free += by;
    while (this.#free > 0) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#free--;
      next();
    }
  }
}
