/**
 * What the outbox, its relay and the inbox ask of a database. PostgreSQL and memory are here; another database is
 * another implementation of these interfaces. Types only.
 */

/** A row to be written: a message as it will be published, and when. */
export interface OutboxRecord {
  /** The message's final id. */
  readonly messageId: string;
  readonly kind: 'task' | 'event';
  /** The task's registered name, or the event's type. */
  readonly name: string;
  /** Where a task goes; undefined for events, which go where the relay's exchange is. */
  readonly queue: string | undefined;
  /** Rows with the same key are published one after the other. */
  readonly orderKey: string | undefined;
  /** Not to be started before, milliseconds since the epoch. */
  readonly eta: number | undefined;
  /** Not to be started after, milliseconds since the epoch. */
  readonly expires: number | undefined;
  readonly mandatory: boolean;
  /** AMQP basic properties, as AMQP writes them. */
  readonly properties: Buffer;
  readonly body: Buffer;
}

/** A row that a relay has taken. */
export interface ClaimedRecord extends OutboxRecord {
  /** Its place in the order of insertion: a whole number, as text. */
  readonly position: string;
  /** Failures so far that were its own. */
  readonly attempts: number;
  /** How long it has been there, milliseconds. */
  readonly ageMs: number;
}

export interface Claim {
  /** The relay. */
  readonly owner: string;
  readonly limit: number;
  /** Body bytes in all; one row is taken whatever its size. */
  readonly limitBytes: number;
  /** How long nobody else takes the rows, milliseconds: a relay that died gives them back this way. */
  readonly leaseMs: number;
}

/** What became of a claimed row. */
export type Ending =
  | { readonly position: string; readonly how: 'published' }
  | {
      readonly position: string;
      readonly how: 'again';
      readonly afterMs: number;
      readonly attempts: number;
      /** Absent where it was not tried. */
      readonly error?: string;
    }
  | {
      readonly position: string;
      readonly how: 'set-aside';
      readonly attempts: number;
      readonly error: string;
    };

export interface OutboxStats {
  /** Rows that are yet to be published, those in hand included. */
  readonly pending: number;
  /** Age of the oldest of them, milliseconds; 0 without any. */
  readonly oldestMs: number;
  /** Rows that failed too often and wait for someone to look. */
  readonly setAside: number;
}

/** A row that failed too often. */
export interface SetAsideRecord {
  readonly position: string;
  readonly messageId: string;
  readonly kind: 'task' | 'event';
  readonly name: string;
  readonly attempts: number;
  readonly error: string;
  readonly at: Date;
}

export interface Waker {
  /** Something was written. */
  readonly wake: () => void;
  /** Nothing will be heard any more; called once at most. */
  readonly lost: (error: unknown) => void;
}

export interface OutboxStore<Tx> {
  /** Writes rows within the user's transaction, in order. */
  write(tx: Tx, records: readonly OutboxRecord[]): Promise<void>;
  /**
   * Takes the first rows that are due and nobody has, in order of insertion. A row with an order key is taken only
   * together with every earlier one of that key that is there and not set aside.
   */
  claim(claim: Claim): Promise<readonly ClaimedRecord[]>;
  /** Published rows are gone, whoever has them; the others change only while `owner` still has them. */
  settle(owner: string, endings: readonly Ending[]): Promise<void>;
  stats(): Promise<OutboxStats>;
  /** The rows that were set aside, oldest first. */
  setAside(options: { readonly limit: number }): Promise<readonly SetAsideRecord[]>;
  /** Lets rows that were set aside be tried again from the start; without positions all of them. Resolves with how many. */
  bringBack(positions?: readonly string[]): Promise<number>;
  /** Hears of writes, where the database can tell. Resolves with what ends it. */
  listen?(waker: Waker): Promise<() => Promise<void>>;
}

/** One message and one of its handlers. */
export interface InboxKey {
  /** Who handles it: the same message may have several handlers, each once. */
  readonly consumer: string;
  readonly messageId: string;
}

/** What the work of a message gave, and what of it is kept for its repeats: JSON. */
export interface Worked<T> {
  readonly value: T;
  readonly kept?: string | undefined;
}

export type StoredOnce<T> =
  | { readonly first: true; readonly value: T }
  /** It was handled before: nothing was run. `kept` is what was kept then. */
  | { readonly first: false; readonly kept: string | undefined };

export interface InboxStore<Tx, Database> {
  /**
   * Runs `work` unless the key is there already, and keeps the key in the same transaction. When `work` rejects
   * neither the key nor what it wrote stays, even if the user's transaction is committed all the same.
   */
  once<T>(tx: Tx, key: InboxKey, work: () => Promise<Worked<T>>): Promise<StoredOnce<T>>;
  /** Runs `work` in a transaction of its own: committed when it resolves, rolled back when it rejects. */
  transaction<T>(database: Database, work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Forgets the oldest keys that are older than that, `limit` at most. Resolves with how many. */
  forget(options: { readonly olderThanMs: number; readonly limit: number }): Promise<number>;
}
