/**
 * Signs the copies of dead letters: their counters, eta and expiry have changed, and the old signature is not over
 * them. Whoever may publish to a dead-letter queue must not get a signature that way, so only what verifies is signed
 * anew, however old it is; or everything, where somebody vouches for it. Publishes nothing.
 */
import type { OutgoingMessage } from '../ports.js';
import type { SectionSigning, Signing } from '../signing/signing.js';
import { targetIn } from '../signing/target.js';
import type { DeadLetter } from './letter.js';

export interface Resigned {
  readonly message: OutgoingMessage;
  /**
   * `renewed`: signed anew. `unverified`: its signature is missing or not right, and it was left as it is. `kept`:
   * there is no key here, or nothing to sign.
   */
  readonly signature: 'renewed' | 'unverified' | 'kept';
}

export interface ResignOptions {
  readonly signing: Signing;
  /** True: signed whatever it carries. */
  readonly vouch: boolean;
}

export function resigned(
  letter: DeadLetter,
  { message, queue }: { readonly message: OutgoingMessage; readonly queue: string },
  { signing, vouch }: ResignOptions,
): Resigned {
  const { kind } = letter;
  if (kind === 'other') return { message, signature: 'kept' };
  const section = kind === 'task' ? signing.tasks : signing.events;
  const { signer } = section;
  if (signer === undefined) return { message, signature: 'kept' };
  const trust = vouch ? 'signed' : trustIn(letter, kind, section);
  if (trust !== 'signed') return { message, signature: trust };
  return {
    message: signer.sign(message, targetIn({ ...message, queue })),
    signature: 'renewed',
  };
}

function trustIn(
  letter: DeadLetter,
  kind: 'task' | 'event',
  { verifier }: SectionSigning,
): 'signed' | 'kept' | 'unverified' {
  const { queue = '', exchange = '', routingKey = '' } = letter;
  const verified = verifier?.verify({ ...letter, queue, exchange, routingKey }, kind, { anyAge: true });
  if (verified?.ok !== true) return 'unverified';
  return verified.nonce === undefined ? 'kept' : 'signed';
}
