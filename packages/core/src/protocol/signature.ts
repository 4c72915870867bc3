/**
 * Signatures on the wire: the headers that carry one, and the bytes it is over. Every field comes after its length, so
 * that no two messages have the same bytes. Pure; holds no keys and verifies nothing.
 *
 * Source: docs/security.md, "What is signed". To a Celery worker these are custom headers, which it ignores.
 */
import { createHash } from 'node:crypto';

import type { HeaderTable, MessageProperties } from '../ports.js';
import { againHeaders, type CameBy } from './again.js';
import { isMap } from './celery-fields.js';
import { checkpointHeader, checkpointsHeader } from './checkpoint-headers.js';
import { payloadHeader } from './claim.js';
import { Malformed } from './received.js';

export const signatureHeaders = {
  /** `v1.`, then the signature in base64url. */
  signature: 'celeriac-signature',
  key: 'celeriac-signature-key',
  /** When it was made: milliseconds since the epoch as text, since header numbers of 2^31 and more are not portable. */
  time: 'celeriac-signature-time',
} as const;

const version = 'celeriac-signature-1';
const form = /^v1\.([A-Za-z0-9_-]{1,1000})$/u;

export type SignedKind = 'task' | 'event';

/** Who signed, and when. */
export interface SignatureMark {
  readonly keyId: string;
  /** Milliseconds since the epoch, as text. */
  readonly issuedAt: string;
}

/** Where a message is meant to arrive: never a hop of its way. */
export type Target = CameBy;

export interface ReadSignature extends SignatureMark {
  readonly signature: Buffer;
}

/** What is signed of a message, beside its body. */
export interface SignedFields {
  readonly kind: SignedKind;
  readonly id: string;
  /** The task; for an event its routing key, which is its type. */
  readonly name: string;
  readonly target: Target;
  readonly retries: string;
  readonly eta: string;
  readonly expires: string;
  readonly replyTo: string;
  /** Where it goes on from: its state, and the number of checkpoints. Absent: it begins at the start. */
  readonly checkpoint?: readonly [state: string, number: string];
  /** A body that is kept elsewhere: reference, bytes, SHA-256. Absent: it is in the message. */
  readonly payload?: readonly [reference: string, bytes: string, sha256: string];
}

/** Throws Malformed for a message that has no id or name, or something else than text where text belongs. */
export function signedFields(kind: SignedKind, target: Target, properties: MessageProperties): SignedFields {
  const { headers = {}, messageId, replyTo } = properties;
  const isTask = kind === 'task';
  return {
    kind,
    id: named('id', isTask ? headers.id : messageId),
    name: named('name', isTask ? headers.task : target.routingKey),
    target,
    retries: textOf('retries', isTask ? headers.retries : headers[againHeaders.retries]),
    eta: textOf('eta', isTask ? headers.eta : undefined),
    expires: textOf('expires', isTask ? headers.expires : undefined),
    replyTo: replyTo ?? '',
    ...(isTask ? { ...checkpointOf(headers), ...payloadOf(headers) } : {}),
  };
}

function checkpointOf(headers: HeaderTable): Pick<SignedFields, 'checkpoint'> {
  const { [checkpointHeader]: state, [checkpointsHeader]: number } = headers;
  if (isAbsent(state) && isAbsent(number)) return {};
  return { checkpoint: [textOf('checkpoint', state), textOf('number of checkpoints', number)] };
}

function payloadOf({ [payloadHeader]: claim }: HeaderTable): Pick<SignedFields, 'payload'> {
  if (isAbsent(claim)) return {};
  if (!isMap(claim)) throw new Malformed('bad-field', `'${payloadHeader}' is not a table`);
  const { reference, bytes, sha256 } = claim;
  return {
    payload: [
      textOf("payload's reference", reference),
      textOf("payload's size", bytes),
      textOf("payload's sha256", sha256),
    ],
  };
}

/**
 * The bytes that are signed. The body is in them as its SHA-256, so that nothing large is copied. A checkpoint and a
 * stored body follow where there are any, each after its name, so that neither can be taken for the other.
 */
export function signedBytes(fields: SignedFields, { keyId, issuedAt }: SignatureMark, body: Buffer): Buffer {
  const { kind, id, name, target, retries, eta, expires, replyTo } = fields;
  const lineage = [id, name, target.exchange, target.routingKey];
  const texts = [version, kind, keyId, issuedAt, ...lineage, retries, eta, expires, replyTo];
  const digest = createHash('sha256').update(body).digest();
  const { checkpoint, payload } = fields;
  const further = [
    ...(checkpoint === undefined ? [] : ['checkpoint', ...checkpoint]),
    ...(payload === undefined ? [] : ['payload', ...payload]),
  ];
  return Buffer.concat([...texts.map(bytesOf), digest, ...further.map(bytesOf)].flatMap(withLength));
}

export function withSignature(
  headers: HeaderTable,
  { keyId, issuedAt, signature }: ReadSignature,
): HeaderTable {
  return {
    ...headers,
    [signatureHeaders.signature]: `v1.${signature.toString('base64url')}`,
    [signatureHeaders.key]: keyId,
    [signatureHeaders.time]: issuedAt,
  };
}

export function isSigned({ headers = {} }: MessageProperties): boolean {
  return headers[signatureHeaders.signature] !== undefined;
}

/** Undefined for a message that carries none. Throws Malformed for one that cannot be read. */
export function readSignature({ headers = {} }: MessageProperties): ReadSignature | undefined {
  const text = headers[signatureHeaders.signature];
  if (text === undefined) return undefined;
  const found = typeof text === 'string' ? form.exec(text)?.[1] : undefined;
  if (found === undefined)
    throw new Malformed('bad-field', `'${signatureHeaders.signature}' has another form`);
  const issuedAt = headers[signatureHeaders.time];
  if (typeof issuedAt !== 'string' || !/^\d{1,15}$/u.test(issuedAt))
    throw new Malformed('bad-field', `'${signatureHeaders.time}' is not milliseconds as text`);
  const keyId = named('key id', headers[signatureHeaders.key]);
  return { keyId, issuedAt, signature: Buffer.from(found, 'base64url') };
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text);
}

function withLength(part: Buffer): Buffer[] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(part.length);
  return [length, part];
}

function named(what: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= 255) return value;
  throw new Malformed('bad-field', `it has no ${what}, or one that is too long`);
}

function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/** Null is absent. Numbers as Python's `str` and JavaScript write them. */
function textOf(what: string, value: unknown): string {
  if (isAbsent(value)) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  throw new Malformed('bad-field', `its ${what} is neither text nor a whole number`);
}
