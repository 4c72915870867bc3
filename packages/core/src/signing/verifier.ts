/**
 * Verifies the signatures of received messages, before anything of a body is read. Says what is wrong as data: what
 * becomes of the message is decided by `judge`. Never throws.
 */
import type { Clock } from '../clock.js';
import type { SigningConfig } from '../config/types.js';
import { CeleriacError, errorText } from '../errors.js';
import type { SignatureProblem } from '../outcome.js';
import { parseIsoTime } from '../protocol/iso-time.js';
import {
  readSignature,
  signedBytes,
  signedFields,
  type SignedFields,
  type SignedKind,
} from '../protocol/signature.js';
import type { ReceivedIn } from '../protocol/again.js';
import type { KeyRing } from './key-ring.js';
import { targetIn } from './target.js';

export type Verified =
  /** Nonce: what a copy of the message would have as well. Absent for an unsigned message, where those are accepted. */
  | { readonly ok: true; readonly nonce?: string; readonly until?: number }
  | { readonly ok: false; readonly problem: SignatureProblem; readonly error: CeleriacError };

export interface VerifierParts {
  readonly keys: KeyRing['keys'];
  readonly settings: Pick<SigningConfig, 'require' | 'window'>;
  readonly clock: Clock;
  /** Time zone of an eta without an offset. */
  readonly timeZone: string;
}

export interface VerifyOptions {
  /** True: however old it is. For one who looks after dead letters. */
  readonly anyAge?: boolean;
}

/** Clocks of senders may be so far ahead. */
const clockSkewMs = 5 * 60_000;

export class Verifier {
  #parts: VerifierParts;

  constructor(parts: VerifierParts) {
    this.#parts = parts;
  }

  verify(received: ReceivedIn, kind: SignedKind, { anyAge = false }: VerifyOptions = {}): Verified {
    try {
      return this.#verify(received, kind, anyAge);
    } catch (error) {
      return refused('bad-signature', errorText(error), received); // Malformed: what would be signed is not there
    }
  }

  #verify(received: ReceivedIn, kind: SignedKind, anyAge: boolean): Verified {
    const { keys, settings, clock } = this.#parts;
    const { properties, body, queue } = received;
    const read = readSignature(properties);
    if (read === undefined) {
      return settings.require ? refused('unsigned', 'it carries no signature', received) : { ok: true };
    }
    const key = keys.get(read.keyId);
    if (key === undefined)
      return refused('unknown-key', `nobody here knows the key '${read.keyId}'`, received);
    const fields = signedFields(kind, targetIn(received), properties);
    if (!key.verify(signedBytes(fields, read, body), read.signature)) {
      return refused(
        'bad-signature',
        `it was not made by the key '${read.keyId}' for this message`,
        received,
      );
    }
    const issuedAt = Number(read.issuedAt);
    const until = Math.max(issuedAt, this.#dueTime(fields)) + settings.window * 1000;
    const now = clock.now();
    if (!anyAge && (now > until || issuedAt > now + clockSkewMs)) {
      const at = new Date(issuedAt).toISOString();
      return refused('expired-window', `it was made at ${at}, outside of the window`, received);
    }
    // One message may be in several queues of a worker.
    const run = [fields.retries, fields.checkpoint?.[1] ?? '', fields.id];
    return { ok: true, until, nonce: [queue, read.issuedAt, ...run].join('\n') };
  }

  #dueTime({ eta }: SignedFields): number {
    return eta === '' ? 0 : (parseIsoTime(eta, this.#parts.timeZone) ?? 0);
  }
}

/** The same message, in hand or handled already, without the broker having delivered it again. */
export function replayed(received: ReceivedIn): Extract<Verified, { ok: false }> {
  return refused('replayed', 'a message with this id, attempt and time was accepted before', received);
}

function refused(
  problem: SignatureProblem,
  what: string,
  { properties, queue }: ReceivedIn,
): Extract<Verified, { ok: false }> {
  const { headers = {}, messageId, correlationId } = properties;
  const error = new CeleriacError('ERR_SIGNATURE', {
    message: `The message was refused for its signature (${problem}): ${what}.`,
    hint: 'It was not run. Find out who sent it: docs/security.md says what each reason means.',
    values: { reason: problem, queue, id: messageId ?? correlationId, name: headers.task },
  });
  return { ok: false, problem, error };
}
