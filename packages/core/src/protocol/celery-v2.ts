/**
 * Celery's task messages: writes protocol 2, reads protocols 2 and 1. The only place, with its neighbours here,
 * that knows the names and shapes on the wire. Pure; decoding never throws.
 *
 * Source: docs.celeryq.dev, "Message Protocol", and captures of Celery 5.2.6 and 5.6.3 (docs/protocol.md).
 */
import { CeleriacError, errorText } from '../errors.js';
import type { TaskCheckpoint, TaskEmbed, TaskMessage } from '../message.js';
import { headerCount } from '../policy/redelivery.js';
import type { HeaderTable } from '../ports.js';
import { readJsonBody } from './body.js';
import {
  argsOf,
  celeryHeaders,
  commonFields,
  defined,
  isMap,
  kwargsOf,
  optionalCount,
  optionalText,
  ownHeaders,
  requiredName,
  shown,
} from './celery-fields.js';
import { decodeV1 } from './celery-v1.js';
import { formatIsoTime } from './iso-time.js';
import { parseJson, stringifyJson } from './json.js';
import { checkpointHeader, checkpointsHeader } from './checkpoint-headers.js';
import { argsRepr, hiddenArgs, hiddenKwargs, kwargsRepr } from './python-repr.js';
import { type Decoded, decoding, type EncodedMessage, Malformed, type Received } from './received.js';

export interface DecodeOptions {
  /** IANA zone of `eta` and `expires` without an offset. Default UTC. */
  readonly timeZone?: string;
}

const mediaTypes = ['application/json'] as const;
export const emptyEmbed: TaskEmbed = { callbacks: null, errbacks: null, chain: null, chord: null };

/** The message as Celery 5.6 would send it. Throws ERR_NOT_SERIALIZABLE or ERR_INPUT_INVALID; nothing is sent then. */
export function encodeTask(message: TaskMessage, now: number): EncodedMessage {
  const { id, args, kwargs, embed } = message;
  const body = `[${stringifyJson(args, 'args')},${stringifyJson(kwargs, 'kwargs')},${embedText(embed)}]`;
  return {
    body: Buffer.from(body),
    properties: {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      correlationId: message.correlationId ?? id,
      replyTo: message.replyTo ?? '',
      priority: message.priority ?? 0,
      messageId: id,
      ...timeToLive(message.expires, now),
      headers: headersOf(message),
    },
  };
}

function embedText(embed: TaskEmbed): string {
  const { callbacks, errbacks, chain, chord } = embed;
  if (callbacks === null && errbacks === null && chain === null && chord === null) {
    return '{"callbacks":null,"errbacks":null,"chain":null,"chord":null}';
  }
  return stringifyJson({ callbacks, errbacks, chain, chord }, 'embed');
}

/** RabbitMQ refuses a longer time to live (rabbit_misc, check_expiry: 32 bits of milliseconds). */
export const longestExpirationMs = 4_294_967_295;

/**
 * AMQP's per-message time to live: whole milliseconds, as text. 0 lets the broker drop what has expired already;
 * beyond the longest the header alone tells, and the worker sees to it.
 */
export function timeToLive(expires: number | undefined, now: number): { expiration?: string } {
  if (expires === undefined || expires - now > longestExpirationMs) return {};
  return { expiration: String(Math.max(0, Math.floor(expires - now))) };
}

function headersOf(message: TaskMessage): HeaderTable {
  const { id, task, retries, rootId, lang = 'js', origin = '', ignoreResult = null } = message;
  const { hard = null, soft = null } = message.timeLimit;
  const { shadow = null, parentId = null, group = null, groupIndex = null } = message;
  return {
    ...customHeaders(message.headers),
    lang,
    task,
    id,
    shadow,
    eta: momentText(message.eta),
    expires: momentText(message.expires),
    group,
    group_index: groupIndex,
    retries,
    timelimit: [hard, soft],
    root_id: rootId,
    parent_id: parentId,
    ...reprs(message),
    origin,
    ignore_result: ignoreResult,
    replaced_task_nesting: message.replacedTaskNesting ?? 0,
    ...stampHeaders(message.stamps),
  };
}

function reprs({ args, kwargs, isSensitive = false }: TaskMessage): HeaderTable {
  if (isSensitive) return { argsrepr: hiddenArgs, kwargsrepr: hiddenKwargs };
  return { argsrepr: argsRepr(args), kwargsrepr: kwargsRepr(kwargs) };
}

function stampHeaders(stamps: TaskMessage['stamps']): HeaderTable {
  return { stamped_headers: stamps === undefined ? null : Object.keys(stamps), stamps: stamps ?? {} };
}

function momentText(ms: number | undefined): string | null {
  return ms === undefined ? null : formatIsoTime(ms);
}

function customHeaders(headers: Readonly<Record<string, unknown>>): HeaderTable {
  for (const name in headers) {
    if (!celeryHeaders.has(name)) continue;
    throw new CeleriacError('ERR_INPUT_INVALID', {
      message: `The header '${name}' belongs to Celery's protocol and cannot be set by hand.`,
      hint: 'Use another name, for instance with the prefix x-.',
      values: { header: name },
    });
  }
  return headers;
}

/** Reads a task message. Never throws: what cannot be read comes with its reason. */
export function decodeTask(received: Received, options: DecodeOptions = {}): Decoded<TaskMessage> {
  return decoding(received, () => {
    if (received.headerError !== undefined) {
      throw new Malformed('undecodable-headers', `its headers cannot be read (${received.headerError})`);
    }
    const headers = received.properties.headers ?? {};
    const document = readJsonBody(received, mediaTypes);
    const timeZone = options.timeZone ?? 'UTC';
    // Celery's own rule: the `task` header makes it protocol 2, unless the body is protocol 1's map.
    const isV1 = headers.task === undefined || (isMap(document) && 'args' in document);
    return isV1 ? decodeV1(document, received, timeZone) : decodeV2(document, received, timeZone);
  });
}

function decodeV2(document: unknown, { properties }: Received, timeZone: string): TaskMessage {
  const headers = properties.headers ?? {};
  const [args, kwargs, embed] = bodyParts(document);
  const id = requiredName(headers, 'id');
  return {
    kind: 'task',
    task: requiredName(headers, 'task'),
    args,
    kwargs,
    embed,
    ...commonFields(headers, id, timeZone),
    ...defined({
      parentId: optionalText(headers, 'parent_id'),
      shadow: optionalText(headers, 'shadow'),
      origin: optionalText(headers, 'origin'),
      lang: optionalText(headers, 'lang'),
      ignoreResult: typeof headers.ignore_result === 'boolean' ? headers.ignore_result : undefined,
      replacedTaskNesting: optionalCount(headers, 'replaced_task_nesting'),
      stamps: isMap(headers.stamps) && Object.keys(headers.stamps).length > 0 ? headers.stamps : undefined,
      priority: properties.priority,
      replyTo: properties.replyTo === '' ? undefined : properties.replyTo,
      correlationId: properties.correlationId,
      checkpoint: checkpointOf(headers),
    }),
    rootId: optionalText(headers, 'root_id') ?? id,
    headers: ownHeaders(headers),
  };
}

/** Ours alone: Celery has none. One that cannot be read is no reason to begin the task again from the start. */
function checkpointOf(headers: HeaderTable): TaskCheckpoint | undefined {
  const text = headers[checkpointHeader];
  if (text === undefined) return undefined;
  if (typeof text !== 'string')
    throw new Malformed('bad-field', `'${checkpointHeader}' is ${shown(text)}, not text`);
  try {
    return { state: parseJson(text), number: headerCount(headers[checkpointsHeader]) };
  } catch (cause) {
    throw new Malformed('bad-field', `'${checkpointHeader}' is no JSON (${errorText(cause)})`, cause);
  }
}

function bodyParts(document: unknown): [readonly unknown[], Record<string, unknown>, TaskEmbed] {
  if (!Array.isArray(document) || document.length !== 3) {
    const found = Array.isArray(document) ? `a list of ${document.length}` : shown(document);
    throw new Malformed('not-a-task', `its body is ${found}, not [args, kwargs, embed]`);
  }
  const [args, kwargs, embed] = document as unknown[];
  return [argsOf(args), kwargsOf(kwargs), embedOf(embed)];
}

/** Null and `{}` are accepted, as Celery does. */
export function embedOf(embed: unknown): TaskEmbed {
  if (embed === undefined || embed === null) return emptyEmbed;
  if (!isMap(embed)) throw new Malformed('bad-field', `its embed is ${shown(embed)}, not an object`);
  const list = (key: string): readonly unknown[] | null =>
    Array.isArray(embed[key]) ? (embed[key] as unknown[]) : null;
  return {
    callbacks: list('callbacks'),
    errbacks: list('errbacks'),
    chain: list('chain'),
    chord: embed.chord ?? null,
  };
}
