/** Where results are kept, as those who write and those who read them see it. Ports only: `rpc` and `redis` implement them. */
import type { NewResult, ResultRecord, ResultTarget } from '../protocol/result.js';
import type { ChordSizes, ChordStore } from './chord-store.js';

/** The worker's side. */
export interface ResultWriter {
  /** Where chords are counted; undefined where they cannot be. */
  readonly chords?: ChordStore | undefined;
  /** False where no one could read it: it is not written then. */
  accepts(target: ResultTarget): boolean;
  /**
   * Resolves when the state is kept; a SUCCESS that is there already stays as it is. Rejects with ERR_NOT_SERIALIZABLE
   * or ERR_MESSAGE_TOO_LARGE for a value that cannot be kept, and with what may pass otherwise. `queue` is where its
   * message came from.
   */
  write(target: ResultTarget, result: NewResult, queue: string): Promise<void>;
  /** Never rejects. */
  close(): Promise<void>;
}

/** What a sender does to have the result of a task come back. */
export interface Replies {
  /** The queue that workers reply to; absent where they put results into a store. */
  readonly replyTo?: string;
  /** Makes sure, before the task is published, that a reply would arrive. Undefined when there is nothing to wait for. */
  prepare?(): Promise<void> | undefined;
  /** The task is about to be published. `due`, milliseconds since the epoch: it does not run before. */
  expect?(id: string, due?: number): void;
  /** It was not published after all. */
  withdraw?(id: string): void;
}

/** The sender's side. */
export interface ResultStore {
  readonly replies: Replies;
  /** Where the size of a chord is told; undefined where there are none. */
  readonly chords?: ChordSizes | undefined;
  /**
   * The last state that is known; undefined where none is, which Celery calls PENDING. Rejects with ERR_RESULT_UNKNOWN
   * where the store cannot know, with ERR_REDIS_… when the server does not answer, with ERR_RESULT_UNREADABLE.
   */
  read(id: string): Promise<ResultRecord | undefined>;
  /**
   * Resolves with the final state, however long that takes; rejects with the signal's reason. Interruptions of the
   * store are waited out.
   */
  wait(id: string, signal: AbortSignal): Promise<ResultRecord>;
  /** Removes it. Resolves when it is gone, also when it was not there. */
  forget(id: string): Promise<void>;
  /** Who waits is told ERR_CLOSED. Never rejects. */
  close(): Promise<void>;
}
