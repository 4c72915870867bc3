/**
 * What a node of the configuration's JSON Schema may hold, and short ways to write the usual ones. Data only: no
 * key of the configuration is named here.
 */
import { byteSizeAllowed, byteSizePattern, durationAllowed, durationPattern } from './duration.js';

/** What a value is beyond its JSON type; decides how it is resolved. */
export type ValueKind =
  | 'duration'
  | 'size'
  | 'connection_string'
  | 'key_store'
  | 'result_backend'
  | 'time_zone'
  | 'secret'
  | 'retries'
  | 'json';

/** A node of the schema. The `x-` keywords are annotations: other validators may ignore them. */
export interface SchemaNode {
  readonly $schema?: string;
  readonly $id?: string;
  readonly title?: string;
  readonly type: string | readonly string[];
  readonly description: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly pattern?: string;
  readonly items?: SchemaNode;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: false | SchemaNode;
  readonly required?: readonly string[];
  readonly dependencies?: Readonly<Record<string, readonly string[]>>;
  readonly 'x-kind'?: ValueKind;
  readonly 'x-unit'?: string;
  /** Smallest and largest resolved value of a duration (seconds) or a size (bytes). */
  readonly 'x-range'?: readonly [number, number];
  /** Bytes of UTF-8: what AMQP counts. */
  readonly 'x-most-bytes'?: number;
  /** What `pattern` means, for people. */
  readonly 'x-allowed'?: string;
  /** The default in words, where it depends on something else. */
  readonly 'x-default'?: string;
}

export type Extra = Partial<SchemaNode>;

export function whole(description: string, minimum: number, extra: Extra): SchemaNode {
  return {
    type: 'integer',
    description,
    minimum,
    maximum: 65_535,
    ...extra,
  };
}

export function duration(description: string, range: readonly [number, number], extra: Extra): SchemaNode {
  return {
    type: ['number', 'string'],
    description,
    pattern: durationPattern,
    minimum: 0,
    'x-kind': 'duration',
    'x-unit': 'seconds',
    'x-range': range,
    'x-allowed': durationAllowed,
    ...extra,
  };
}

export function size(description: string, range: readonly [number, number], extra: Extra): SchemaNode {
  return {
    type: ['integer', 'string'],
    description,
    pattern: byteSizePattern,
    minimum: 0,
    'x-kind': 'size',
    'x-unit': 'bytes',
    'x-range': range,
    'x-allowed': byteSizeAllowed,
    ...extra,
  };
}

export function text(description: string, extra: Extra = {}): SchemaNode {
  return {
    type: 'string',
    description,
    minLength: 1,
    ...extra,
  };
}

export function choice(description: string, values: readonly string[], extra: Extra): SchemaNode {
  return {
    type: 'string',
    description,
    enum: values,
    ...extra,
  };
}

export function flag(description: string, value: boolean): SchemaNode {
  return {
    type: 'boolean',
    description,
    default: value,
  };
}

export function section(
  description: string,
  properties: Readonly<Record<string, SchemaNode>>,
  extra: Extra = {},
): SchemaNode {
  return { type: 'object', description, properties, additionalProperties: false, ...extra };
}
