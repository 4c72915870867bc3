/**
 * What publishers and workers remember of keys, outside the broker: who runs with a key and what is done, who waits
 * under one, which of several is the latest. A port; every step of it is atomic. A lease that ends is no lock: who was
 * paused for longer than his lease may run beside his successor, and the fencing number is how that is told.
 */

/** Asks to run with a key. */
export interface ClaimAsk {
  /** Of this one run: no other uses it. */
  readonly owner: string;
  /** Until somebody else may run, unless it is renewed. */
  readonly leaseMs: number;
  /** How long the key is remembered at least. */
  readonly windowMs: number;
  /** The message and its attempt, from 1: one that was made already, and goes on in a copy, is not made again. */
  readonly chain: string;
  readonly attempt: number;
}

export type Claim =
  /** `fencing` rises with every claim of a key, also over restarts of the store, whose clock it follows. */
  | { readonly state: 'claimed'; readonly fencing: number }
  /** Somebody else runs, for `leftMs` more unless he renews. */
  | { readonly state: 'held'; readonly leftMs: number }
  | { readonly state: 'done' }
  /** This attempt was made, and the next one waits or runs. */
  | { readonly state: 'retried' };

export interface Release {
  readonly owner: string;
  readonly chain: string;
  /** The attempt that was made and goes on in a confirmed copy; 0 forgets what is known of the chain. */
  readonly retried?: number | undefined;
  readonly windowMs: number;
}

/** Who has a key, and whether his message is in the broker. */
export interface Holder {
  readonly id: string;
  readonly isConfirmed: boolean;
}

/** A place in the order of sends under one key. */
export interface Entry {
  /** Rises with every entry. */
  readonly number: number;
  /** Since the first entry that nothing began after, milliseconds. */
  readonly ageMs: number;
}

/** What sending needs of it. */
export interface SendKeyStore {
  /** Takes a key for a message, unless another one has it. Undefined: taken, also where it was this message's already. */
  hold(key: string, hold: { readonly id: string; readonly ttlMs: number }): Promise<Holder | undefined>;
  /** The message is in the broker: keeps the key for so long from now on. False when it does not have it any more. */
  confirm(key: string, hold: { readonly id: string; readonly ttlMs: number }): Promise<boolean>;
  holder(key: string): Promise<Holder | undefined>;
  /** Gives the key up, if this message has it. */
  letGo(key: string, id: string): Promise<void>;
  /** Gives a message its number; what came before it is not replaced yet. */
  enter(key: string, ttlMs: number): Promise<Entry>;
  /** The message with this number is in the broker: those with lower ones are replaced. */
  supersede(key: string, latest: { readonly number: number; readonly ttlMs: number }): Promise<void>;
}

/** Every method rejects with ERR_REDIS_UNAVAILABLE or ERR_REDIS_REFUSED, within its time, when the store does not do it. */
export interface KeyStore extends SendKeyStore {
  claim(key: string, ask: ClaimAsk): Promise<Claim>;
  /** False when somebody else has the claim by now, or the work was done. */
  renew(key: string, claim: { readonly owner: string; readonly leaseMs: number }): Promise<boolean>;
  /** Written down for the window, whoever has the claim by now. False when that is somebody else. */
  complete(key: string, done: { readonly owner: string; readonly windowMs: number }): Promise<boolean>;
  release(key: string, release: Release): Promise<void>;
  /** A message is about to run. False when a later one has replaced it. */
  begin(key: string, number: number): Promise<boolean>;
  /** Idempotent; never rejects. */
  close(): Promise<void>;
}
