/** Time, handed in: tests own it. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds. */
  now(): number;
  after(ms: number, callback: () => void): Timer;
}
