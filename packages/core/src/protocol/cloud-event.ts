/**
 * Events as CloudEvents 1.0 in structured JSON: one document that holds attributes and data, so that any consumer
 * reads it without knowing AMQP. Pure; decoding never throws.
 *
 * Source: CloudEvents 1.0.2 (§3 attributes), its JSON format (§3 envelope) and AMQP binding (§3.2 structured).
 */
import { CeleriacError } from '../errors.js';
import type { EventMessage } from '../message.js';
import { readJsonBody } from './body.js';
import { isMap } from './celery-fields.js';
import { formatIsoTime, parseIsoTime } from './iso-time.js';
import { stringifyJson } from './json.js';
import { type Decoded, decoding, type EncodedMessage, Malformed, type Received } from './received.js';

export const cloudEventMediaType = 'application/cloudevents+json';

const attributes: ReadonlySet<string> = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'time',
  'subject',
  'datacontenttype',
  'dataschema',
  'data',
  'data_base64',
]);

/** Throws ERR_NOT_SERIALIZABLE or ERR_INPUT_INVALID. */
export function encodeEvent(event: EventMessage): EncodedMessage {
  const { id, source, type, time, object, objectId, dataSchema, data, extensions } = event;
  const ofObject = object === undefined || objectId === undefined ? undefined : `${object}/${objectId}`;
  const subject = event.subject ?? ofObject;
  checkAttributes({ id, source, type, subject, dataschema: dataSchema });
  checkExtensions(extensions);
  const body = stringifyJson(
    {
      specversion: '1.0',
      id,
      source,
      type,
      time: time === undefined ? undefined : formatIsoTime(time),
      subject,
      datacontenttype: 'application/json',
      dataschema: dataSchema,
      ...extensions,
      data: data ?? null,
    },
    'event',
  );
  return {
    body: Buffer.from(body),
    properties: { contentType: `${cloudEventMediaType}; charset=utf-8`, messageId: id, headers: {} },
  };
}

/** Receivers refuse an event whose attributes are empty; who made it should hear of it first. */
function checkAttributes(given: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(given)) {
    const isUri = name !== 'dataschema' || (typeof value === 'string' && URL.canParse(value));
    if (value === undefined || (typeof value === 'string' && value !== '' && isUri)) continue;
    const what = name === 'dataschema' ? 'an absolute URI' : 'text that is not empty';
    throw new CeleriacError('ERR_INPUT_INVALID', {
      message: `The attribute '${name}' of an event must be ${what}.`,
      hint: 'Correct what was passed to publishEvent.',
      values: { attribute: name },
    });
  }
}

function checkExtensions(extensions: Readonly<Record<string, unknown>>): void {
  for (const name of Object.keys(extensions)) {
    if (/^[a-z0-9]{1,20}$/u.test(name) && !attributes.has(name)) continue;
    throw new CeleriacError('ERR_INPUT_INVALID', {
      message: `'${name}' cannot be a CloudEvents extension attribute.`,
      hint: 'Use 1 to 20 lower-case letters and digits, and no name that CloudEvents defines itself.',
      values: { extension: name },
    });
  }
}

/** Reads an event, ours or anyone's. Never throws: what cannot be read comes with its reason. */
export function decodeEvent(received: Received): Decoded<EventMessage> {
  return decoding(received, () => {
    if (received.headerError !== undefined) {
      throw new Malformed('undecodable-headers', `its headers cannot be read (${received.headerError})`);
    }
    const document = readJsonBody(received, [cloudEventMediaType]);
    if (!isMap(document)) throw new Malformed('not-an-event', 'its body is not a JSON object');
    if (document.specversion !== '1.0') throw new Malformed('not-an-event', "its 'specversion' is not '1.0'");
    const data = document.data_base64 === undefined ? document.data : base64(document.data_base64);
    return {
      kind: 'event' as const,
      id: attribute(document, 'id'),
      type: attribute(document, 'type'),
      source: attribute(document, 'source'),
      ...timeOf(document.time),
      ...optional('subject', document.subject),
      ...optional('dataSchema', document.dataschema),
      ...objectFields(data),
      data,
      extensions: Object.fromEntries(Object.entries(document).filter(([name]) => !attributes.has(name))),
    };
  });
}

function attribute(document: Record<string, unknown>, name: string): string {
  const value = document[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new Malformed('not-an-event', `its attribute '${name}' is missing or not text`);
}

function timeOf(time: unknown): { time?: number } {
  if (time === undefined || time === null) return {};
  const moment = typeof time === 'string' ? parseIsoTime(time) : undefined;
  if (moment === undefined) throw new Malformed('bad-field', "its attribute 'time' is not an RFC 3339 time");
  return { time: moment };
}

function optional<Name extends string>(name: Name, value: unknown): Partial<Record<Name, string>> {
  if (value === undefined || value === null) return {};
  if (typeof value === 'string') return { [name]: value } as Partial<Record<Name, string>>;
  throw new Malformed('bad-field', `its attribute '${name.toLowerCase()}' is not text`);
}

function base64(value: unknown): Buffer {
  if (typeof value === 'string') return Buffer.from(value, 'base64');
  throw new Malformed('bad-field', "its attribute 'data_base64' is not text");
}

/** The parts of an object's event, where data has them. */
function objectFields(data: unknown): Pick<EventMessage, 'objectId' | 'values' | 'originalValues'> {
  if (!isMap(data)) return {};
  const { id, values, original_values: originalValues } = data;
  return {
    ...(typeof id === 'string' || typeof id === 'number' ? { objectId: id } : {}),
    ...(typeof id === 'bigint' ? { objectId: id.toString() } : {}),
    ...(values === undefined ? {} : { values }),
    ...(isMap(originalValues) ? { originalValues } : {}),
  };
}
