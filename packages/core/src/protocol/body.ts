/**
 * From a message's bytes to its JSON document: content type, encoding, compression. JSON only (ADR 0005): other
 * serializers are refused by their type, unread. Pure; throws Malformed.
 */
import { inflateSync } from 'node:zlib';

import { errorText } from '../errors.js';
import { shown } from './celery-fields.js';
import { parseJson } from './json.js';
import { fromTypedJson } from './typed-values.js';
import { Malformed, type Received } from './received.js';

/** A compressed body may not grow beyond this: a few KiB can hold gigabytes of zeros. */
export const maxInflatedBytes: number = 16 * 1024 * 1024;
/** Nor beyond so many times its size, from so many bytes on: what people write does not, and many at once would add up. */
const maxRatio = 100;
const freeBytes = 1024 * 1024;

const encodings: ReadonlySet<string> = new Set(['', 'utf-8', 'utf8', 'us-ascii', 'ascii', 'binary']);
/** kombu's name for it, and plain zlib inside all the same. */
const zlibTypes: ReadonlySet<string> = new Set(['application/x-gzip', 'gzip', 'zlib']);

/** Reads the body as JSON of one of the media types. */
export function readJsonBody(received: Received, mediaTypes: readonly string[]): unknown {
  const { contentType = '', contentEncoding = '' } = received.properties;
  if (!mediaTypes.includes(contentType) && !mediaTypes.includes(mediaTypeOf(contentType))) {
    const found =
      contentType === '' ? 'it has no content type' : `its content type is '${contentType.slice(0, 100)}'`;
    throw new Malformed('content-type', `${found}, but only ${mediaTypes.join(' and ')} is read`);
  }
  if (!encodings.has(contentEncoding.toLowerCase())) {
    throw new Malformed(
      'content-encoding',
      `its content encoding '${contentEncoding.slice(0, 100)}' is not UTF-8`,
    );
  }
  const bytes = decompressed(received);
  try {
    const document = parseJson(bytes);
    return bytes.includes('"__type__"') ? fromTypedJson(document) : document;
  } catch (cause) {
    const reason = errorText(cause).startsWith('nested deeper') ? 'too-deep' : 'undecodable-body';
    throw new Malformed(reason, `its body is not JSON (${errorText(cause)})`, cause);
  }
}

/** Without its parameters. */
function mediaTypeOf(contentType: string): string {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function decompressed({ properties, body }: Received): Buffer {
  const compression = properties.headers?.compression;
  if (compression === undefined || compression === null) return body;
  if (typeof compression !== 'string' || !zlibTypes.has(compression.toLowerCase())) {
    throw new Malformed('content-encoding', `its compression (${shown(compression)}) is not supported`);
  }
  const most = Math.min(maxInflatedBytes, Math.max(freeBytes, body.length * maxRatio));
  try {
    return inflateSync(body, { maxOutputLength: most });
  } catch (cause) {
    const tooLarge = (cause as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE';
    if (tooLarge) throw new Malformed('too-large', `its body inflates to over ${most} bytes`, cause);
    throw new Malformed('undecodable-body', `its body cannot be decompressed (${errorText(cause)})`, cause);
  }
}
