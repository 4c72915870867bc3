/**
 * One key, ready to compute with: HMAC-SHA-256 or Ed25519, by `node:crypto`. Shows nothing of itself, and puts nothing
 * of itself into an error.
 */
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';

import { CeleriacError } from '../errors.js';

export interface SigningKey {
  readonly id: string;
  /** Absent: a public key, which can only verify. */
  readonly sign?: ((bytes: Buffer) => Buffer) | undefined;
  /** Takes the same time whatever the signature is. Never throws. */
  readonly verify: (bytes: Buffer, signature: Buffer) => boolean;
}

/** Where a key is from: its configuration key, for errors. */
export interface KeyPlace {
  readonly id: string;
  readonly key: string;
}

/** 256 bits: shorter ones are what is guessed. */
const leastSecretBytes = 32;

export function hmacKey(secret: string, place: KeyPlace): SigningKey {
  if (Buffer.byteLength(secret) < leastSecretBytes) {
    throw unusable(place, `it has fewer than ${leastSecretBytes} bytes`, 'Make one: openssl rand -hex 32');
  }
  const key = createSecretKey(secret, 'utf8');
  const digest = (bytes: Buffer): Buffer => createHmac('sha256', key).update(bytes).digest();
  return {
    id: place.id,
    sign: digest,
    verify: (bytes, signature) => {
      const expected = digest(bytes);
      return signature.length === expected.length && timingSafeEqual(signature, expected);
    },
  };
}

export function ed25519Key(pem: string, place: KeyPlace): SigningKey {
  const isPrivate = pem.includes('PRIVATE KEY');
  const key = parsedPem(pem, isPrivate, place);
  if (key.asymmetricKeyType !== 'ed25519') {
    const found = String(key.asymmetricKeyType);
    throw unusable(place, `it is a key of the kind ${found}`, 'Make one: openssl genpkey -algorithm ed25519');
  }
  const publicKey = isPrivate ? createPublicKey(key) : key;
  return {
    id: place.id,
    sign: isPrivate ? (bytes) => sign(null, bytes, key) : undefined,
    verify: (bytes, signature) => signature.length === 64 && verify(null, bytes, publicKey, signature),
  };
}

function parsedPem(pem: string, isPrivate: boolean, place: KeyPlace): KeyObject {
  try {
    return isPrivate ? createPrivateKey(pem) : createPublicKey(pem);
  } catch {
    // OpenSSL's error says nothing to a person, and may say something of the key.
    throw unusable(place, 'it is not a key in PEM', 'It begins with "-----BEGIN", and has no passphrase.');
  }
}

export function unusable({ id, key }: KeyPlace, problem: string, hint: string): CeleriacError {
  return new CeleriacError('ERR_SIGNING_KEY', {
    message: `The signing key of ${key} cannot be used: ${problem}.`,
    hint,
    values: { id, configured: key },
  });
}
