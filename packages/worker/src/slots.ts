/** How many handlers run at once. Hands out so many slots, first come, first served; their number may change. */
export class Slots {
  #count: number;
  #taken = 0;
  #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  /** Undefined when a slot was free: it is taken. Else a promise for the next one. */
  take(): Promise<void> | undefined {
    if (this.#taken < this.#count) {
      this.#taken++;
      return undefined;
    }
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  release(): void {
    this.#taken--;
    this.#fill();
  }

  /** Fewer: those that are taken stay so until they are released. */
  resize(count: number): void {
    this.#count = count;
    this.#fill();
  }

  #fill(): void {
    while (this.#taken < this.#count) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#taken++;
      next();
    }
  }
}
