/** A thread or process as its pool sees it: something to talk to, and to end. A port; decides nothing. */
import type { FromChild, ToChild } from './protocol.js';

/** How it ended. */
export interface ChildEnd {
  readonly code: number | null;
  /** The signal that ended a process. */
  readonly signal: string | null;
  /** It used up the heap it was given. */
  readonly isOutOfMemory: boolean;
  /** What was thrown where nobody caught it, or why it could not be started. */
  readonly error?: unknown;
}

export interface Child {
  /** Process id, or thread id. */
  readonly id: number;
  /** Never throws: what does not arrive is answered by `ended`. */
  send(message: ToChild): void;
  /** Called with everything it says, in order, before `ended` resolves. */
  listen(listener: (message: FromChild) => void): void;
  readonly ended: Promise<ChildEnd>;
  /** Ends it whatever it is doing: SIGKILL, or the end of the thread. */
  kill(): void;
  /** Bytes that it holds now, asked from outside; undefined where that cannot be known. */
  memory(): Promise<number | undefined>;
}

/** `maxMemory` in bytes. */
export type StartChild = (options: { readonly maxMemory: number | undefined }) => Child;
