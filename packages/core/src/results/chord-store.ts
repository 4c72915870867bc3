/** Where chords are counted, as those who send, and those who run, their tasks see it. A port: Redis implements it. */
import type { ChordPart } from '../protocol/chord.js';

/** The sender's side. */
export interface ChordSizes {
  /** So many tasks of the group have to end before the body runs. Before any of them is sent. */
  expect(groupId: string, size: number): Promise<void>;
}

export interface EndedPart {
  readonly groupId: string;
  /** Place in the header; absent: behind the others. */
  readonly index: number | undefined;
  readonly part: ChordPart;
  /** Of the body, where it has one. */
  readonly bodyId: string | undefined;
}

/** What is to be done when every task of a header has ended. */
export type Joined =
  /** The values, in the order of the header. */
  | { readonly kind: 'complete'; readonly values: readonly unknown[] }
  | { readonly kind: 'failed'; readonly error: unknown }
  /** The body was seen already: another run of the same task has sent it. */
  | { readonly kind: 'sent' };

/** The worker's side. */
export interface ChordStore extends ChordSizes {
  /**
   * Counts a task of a header: once, however often it is told. Gives what follows to the one that completes it, and to
   * that one again when it comes back; undefined to all others. Rejects with ERR_REDIS_…, ERR_NOT_SERIALIZABLE or
   * ERR_RESULT_UNREADABLE.
   */
  ended(ended: EndedPart): Promise<Joined | undefined>;
  /** What follows is on its way: nothing is left to count. */
  done(groupId: string): Promise<void>;
  /** True where the task is known to have succeeded. */
  hasSucceeded(id: string): Promise<boolean>;
}
