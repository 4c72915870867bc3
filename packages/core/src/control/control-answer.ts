/** What a worker says to a question or a command. Plain data. */

/** What one worker answered. Two of the same name are two workers that share it. */
export interface ControlAnswer {
  readonly node: string;
  readonly value: unknown;
}
