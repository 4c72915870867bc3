/**
 * What a contract's schema may be, and the types that follow from it: any JSON Schema (also as TypeBox writes it),
 * or a Standard Schema (zod, valibot, arktype). Types only.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { FromSchema, JSONSchema } from 'json-schema-to-ts';

/** A JSON Schema; validated by ajv. */
export type JsonSchema = JSONSchema | Readonly<Record<string, unknown>>;

export type Schema = StandardSchemaV1 | JsonSchema;

/** The type of a JSON Schema whose literal type is known; `unknown` for one that is only known as an object. */
type JsonSchemaType<S> = string extends keyof S
  ? unknown
  : S extends JSONSchema
    ? Named<FromSchema<S>>
    : unknown;

/**
 * Objects with the properties they name and no others. JSON Schema lets any other property in unless it says
 * `additionalProperties: false`; as a type that would hide every misspelt name.
 */
type Named<T> = unknown extends T
  ? T
  : T extends readonly unknown[]
    ? { [I in keyof T]: Named<T[I]> }
    : T extends object
      ? [keyof NamedMembers<T>] extends [never]
        ? T
        : NamedMembers<T>
      : T;

type NamedMembers<T> = { [K in keyof T as IsAnyOther<T, K> extends true ? never : K]: Named<T[K]> };

type IsAnyOther<T, K extends keyof T> = string extends K ? (unknown extends T[K] ? true : false) : false;

/** What a sender may pass. */
export type SchemaInput<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferInput<S> : JsonSchemaType<S>;

/** What a handler gets. */
export type SchemaOutput<S> = S extends StandardSchemaV1
  ? StandardSchemaV1.InferOutput<S>
  : JsonSchemaType<S>;

export function isStandardSchema(schema: Schema): schema is StandardSchemaV1 {
  return typeof schema === 'object' && '~standard' in schema;
}
