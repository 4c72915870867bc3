/** The port to where large bodies are kept, and the errors of what goes wrong there. Stores nothing itself. */
import { CeleriacError, errorText } from '../errors.js';

/**
 * Keeps the bodies of tasks that are too large for a broker: a directory, a bucket, a database. What was put has to stay
 * for longer than its message can: through delays, retries, and as a dead letter (`tasks.dead_letter_expiry`). Nobody
 * deletes through this port: let the store expire what is old (ADR 0030).
 */
export interface PayloadStore {
  /**
   * Resolves when the bytes are kept for good, with what finds them again: text of at most 1024 characters, which travels
   * in the message. The same bytes may be put again. A rejection, or `payload_timeout`, fails the send: nothing is sent.
   */
  put(bytes: Buffer, about: PayloadAbout): Promise<string>;
  /**
   * Resolves with the bytes. The reference comes from a message: it may be anything, so check it before you use it as a
   * path or a key. Stop when the signal fires, and do not read more than `maxBytes`. A rejection is tried again later.
   */
  get(reference: string, options: PayloadFetch): Promise<Uint8Array>;
}

export interface PayloadAbout {
  /** Of the message. */
  readonly id: string;
  readonly task: string;
  /** Of the bytes, hexadecimal. */
  readonly sha256: string;
  /** Fires when nobody waits any more. */
  readonly signal: AbortSignal;
}

export interface PayloadFetch {
  /** What the message says its size is: more than that is refused in any case. */
  readonly maxBytes: number;
  /** Fires at the deadline, when the worker stops, or when the message is with someone else. */
  readonly signal: AbortSignal;
}

export function notStored(
  about: { readonly id: string; readonly task: string },
  cause: unknown,
): CeleriacError {
  return new CeleriacError('ERR_PAYLOAD_STORE', {
    message: `The body of '${about.task}' could not be stored: ${errorText(cause)}.`,
    hint: 'Nothing was sent: look after the payload store, and send again.',
    values: { ...about, outcome: 'not-sent' },
    cause,
  });
}

export function notFetched(
  of: { readonly id: string; readonly task: string },
  cause: unknown,
): CeleriacError {
  return new CeleriacError('ERR_PAYLOAD_UNAVAILABLE', {
    message: `The stored body of '${of.task}' could not be fetched: ${errorText(cause)}.`,
    hint: 'It is tried again a few times, then the message is dead-lettered: look after the payload store, then requeue.',
    values: { ...of },
    cause,
  });
}

export function corrupt(of: { readonly id: string; readonly task: string }, what: string): CeleriacError {
  return new CeleriacError('ERR_PAYLOAD_CORRUPT', {
    message: `The stored body of '${of.task}' is not what was sent: ${what}.`,
    hint: 'It was changed or cut in the payload store; the message is kept in the dead-letter queue.',
    values: { ...of },
  });
}
