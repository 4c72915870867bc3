/** How the handling of a delivery ended. Every ending is one of these; `judge` decides what follows from it. */

/** Why a delivery could not be handled at all. Stable: it is written into the dead-letter queue. */
export type MalformedReason =
  | 'content-type'
  | 'content-encoding'
  | 'undecodable-headers'
  | 'undecodable-body'
  | 'not-a-task'
  | 'not-an-event'
  | 'too-large'
  | 'too-deep'
  | 'payload-mismatch'
  | 'bad-field';

/** Why a message is not trusted. Stable: it is written into the dead-letter queue. */
export type SignatureProblem = 'unsigned' | 'unknown-key' | 'bad-signature' | 'expired-window' | 'replayed';

export type Outcome =
  | {
      readonly kind: 'succeeded';
      readonly value: unknown;
      /** Why the value could not leave the thread or process that made it; `value` is then what is left of it. */
      readonly valueError?: unknown;
    }
  | { readonly kind: 'failed'; readonly error: unknown }
  /** The handler has done a part, and goes on from `state` (JSON) in another delivery, after `delayMs`. */
  | { readonly kind: 'checkpointed'; readonly state: string; readonly delayMs: number }
  /** The handler ended by throwing after its soft time limit fired, or was ended at its hard one. */
  | { readonly kind: 'timedOut'; readonly error: unknown; readonly limitMs: number }
  /** The handler ended by throwing after it was told to stop. */
  | { readonly kind: 'aborted'; readonly error: unknown; readonly by: 'shutdown' | 'lost' }
  /** The thread or process that ran it died: `crashes` times so far, and `of` times at most. */
  | { readonly kind: 'crashed'; readonly error: unknown; readonly crashes: number; readonly of: number }
  | { readonly kind: 'malformed'; readonly error: unknown; readonly reason: MalformedReason }
  /** Its signature was not accepted: nothing of its body was read. */
  | { readonly kind: 'untrusted'; readonly error: unknown; readonly problem: SignatureProblem }
  /** Its body is kept elsewhere, and could not be fetched. */
  | { readonly kind: 'unfetched'; readonly error: unknown }
  | { readonly kind: 'unknown'; readonly error: unknown }
  | { readonly kind: 'invalid'; readonly error: unknown }
  | { readonly kind: 'expired'; readonly error: unknown }
  /** It was cancelled: before it began, or (`terminated`) while it ran. */
  | { readonly kind: 'revoked'; readonly error: unknown; readonly terminated: boolean }
  /** Its eta (milliseconds since the epoch) is further away than a worker waits for. */
  | { readonly kind: 'tooEarly'; readonly eta: number }
  /** A limit lets it run later: at `until` (milliseconds since the epoch) it is asked again. */
  | { readonly kind: 'deferred'; readonly until: number; readonly because: string }
  /** It succeeded before under its key, or this attempt was made and goes on in a copy: not run again. */
  | { readonly kind: 'repeated'; readonly because: 'done' | 'retried' }
  /** It has sent another task that takes its place and its id. */
  | { readonly kind: 'replaced' }
  /** A later one under the same key has replaced it: not run. */
  | { readonly kind: 'superseded' }
  /** Delivered too often to workers that did not settle it: it seems to end them. */
  | { readonly kind: 'overDelivered'; readonly error: unknown }
  /** Delivered before by a queue that does not count: how often, this time included, has to be kept first. */
  | { readonly kind: 'uncounted'; readonly deliveries: number }
  /** Delivered so often that it may end the process, while another such message runs: not at its risk. */
  | { readonly kind: 'suspected'; readonly deliveries: number }
  /** Delivered while the worker was stopping: it was never started. */
  | { readonly kind: 'notStarted' };
