/**
 * A task message whose body is kept elsewhere: what it carries instead, written and read. The content type is one that a
 * Python worker refuses unread, so that it never runs the task without its arguments. Pure; reading never throws.
 */
import type { MessageProperties } from '../ports.js';
import { isMap, optionalCount, optionalMoment, requiredName, shown } from './celery-fields.js';
import { type Decoded, decoding, type EncodedMessage, Malformed, type Received } from './received.js';

/** What finds a body again, and what it has to be. */
export interface Claim {
  readonly reference: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** What is known of a task before its body is fetched. */
export interface ClaimedTask {
  readonly id: string;
  readonly task: string;
  readonly retries: number;
  /** Milliseconds since the epoch. */
  readonly expires?: number | undefined;
  readonly claim: Claim;
}

export const payloadHeader = 'celeriac-payload';
export const claimMediaType = 'application/vnd.celeriac.payload';
export const mostReferenceChars = 1024;

/** For people who look into the queue. */
const placeholder = `{"celeriac":"the body of this task is kept elsewhere: see the header ${payloadHeader}"}`;

export function withClaim({ properties }: EncodedMessage, claim: Claim): EncodedMessage {
  const { reference, bytes, sha256 } = claim;
  const headers = { ...properties.headers, [payloadHeader]: { reference, bytes, sha256 } };
  return {
    body: Buffer.from(placeholder),
    properties: { ...properties, contentType: claimMediaType, headers },
  };
}

export function isClaimed({ contentType }: MessageProperties): boolean {
  return contentType === claimMediaType;
}

/** The message as it was before its body was stored. */
export function withBody({ properties, headerError }: Received, body: Buffer): Received {
  const { [payloadHeader]: _claim, ...headers } = properties.headers ?? {};
  return { body, headerError, properties: { ...properties, contentType: 'application/json', headers } };
}

export interface ClaimLimits {
  readonly timeZone: string;
  /** A larger body is not fetched. */
  readonly maxBytes: number;
}

export function decodeClaim(received: Received, { timeZone, maxBytes }: ClaimLimits): Decoded<ClaimedTask> {
  return decoding(received, () => {
    if (received.headerError !== undefined)
      throw new Malformed('undecodable-headers', `its headers cannot be read (${received.headerError})`);
    const headers = received.properties.headers ?? {};
    const claim = readClaim(received.properties);
    if (claim.bytes > maxBytes)
      throw new Malformed('too-large', `its stored body has ${claim.bytes} bytes; the limit is ${maxBytes}`);
    return {
      id: requiredName(headers, 'id'),
      task: requiredName(headers, 'task'),
      retries: optionalCount(headers, 'retries') ?? 0,
      expires: optionalMoment(headers, 'expires', timeZone),
      claim,
    };
  });
}

/** Throws Malformed. */
export function readClaim({ headers = {} }: MessageProperties): Claim {
  const value = headers[payloadHeader];
  if (!isMap(value)) throw new Malformed('bad-field', `'${payloadHeader}' is ${shown(value)}, not a table`);
  const { reference, bytes, sha256 } = value;
  if (typeof reference !== 'string' || reference === '' || reference.length > mostReferenceChars)
    throw new Malformed('bad-field', `its payload's reference is ${shown(reference)}`);
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0)
    throw new Malformed('bad-field', `its payload's size is ${shown(bytes)}, not a whole number`);
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/u.test(sha256))
    throw new Malformed('bad-field', "its payload's sha256 is not 64 hexadecimal digits");
  return { reference, bytes, sha256 };
}
