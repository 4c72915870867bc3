/** What counts as compatible is: no value that one version writes is refused by the other. Random schemas and values. */
import { defineTask, type JsonSchema, loadValidator } from '@celeriac/core';
import { expect } from 'chai';
import fc from 'fast-check';

import { type Direction, isObject } from '../../dist/catalogue/keyword-changes.js';
import { schemaChanges } from '../../dist/catalogue/schema-changes.js';

type Json = Record<string, unknown>;

const texts = fc.constantFrom('', 'a', 'ab', 'b');
const names = fc.constantFrom('a', 'b');
const bound = fc.option(fc.integer({ min: -1, max: 2 }), { nil: undefined });
const given = (schema: Json): Json =>
  Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined));

const numbers = fc
  .record({ type: fc.constantFrom('integer', 'number'), minimum: bound, maximum: bound })
  .map(given);
const strings = fc
  .record({
    type: fc.constant('string'),
    maxLength: fc.option(fc.nat(2), { nil: undefined }),
    pattern: fc.constantFrom(undefined, '^a', 'b$'),
  })
  .map(given);

const { schema: schemas } = fc.letrec<{ schema: Json; leaf: Json }>((tie) => ({
  leaf: fc.oneof(
    fc.constant({}),
    fc
      .uniqueArray(fc.constantFrom('null', 'boolean', 'integer', 'number', 'string', 'object', 'array'), {
        minLength: 1,
        maxLength: 3,
      })
      .map((type) => ({ type })),
    numbers,
    strings,
    fc
      .uniqueArray(fc.oneof(texts, fc.nat(2), fc.constant(null)), { minLength: 1 })
      .map((one) => ({ enum: one })),
    texts.map((one) => ({ const: one })),
  ),
  schema: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc
      .record({
        type: fc.constant('object'),
        properties: fc.option(fc.dictionary(names, tie('schema'), { maxKeys: 2 }), { nil: undefined }),
        required: fc.option(fc.uniqueArray(names), { nil: undefined }),
        additionalProperties: fc.oneof(
          fc.constantFrom(undefined, false as const, true as const),
          tie('leaf'),
        ),
      })
      .map(given),
    fc
      .record({ type: fc.constant('array'), items: tie('schema'), maxItems: fc.constantFrom(undefined, 1) })
      .map(given),
    fc.array(tie('schema'), { minLength: 1, maxLength: 2 }).map((anyOf) => ({ anyOf })),
    tie('schema').map((one) => ({ allOf: [one] })),
    tie('leaf').map((one) => ({ not: one })),
  ),
}));

const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<unknown>(null, true, 0.5, -1, 0, 1, 2),
    texts,
    fc.array(tie('value'), { maxLength: 2 }),
    fc.dictionary(names, tie('value'), { maxKeys: 2 }),
  ),
}));

/** Not every pair: most random ones have nothing in common. */
const pairs = fc.oneof(
  fc.tuple(numbers, numbers),
  fc.tuple(strings, strings),
  fc.tuple(schemas, schemas).map(([one, other]): [Json, Json] => [
    { type: 'object', additionalProperties: one },
    { type: 'object', additionalProperties: one, properties: { a: other } },
  ]),
  schemas.map((one): [Json, Json] => [{ type: 'object' }, { type: 'object', properties: { a: one } }]),
  fc.tuple(schemas, schemas),
  fc.tuple(schemas, schemas, names).map(([one, other, name]): [Json, Json] => [
    { type: 'object', properties: { [name]: one } },
    { type: 'object', properties: { [name]: one, c: other } },
  ]),
  fc.tuple(schemas, schemas).map(([one, other]): [Json, Json] => [{ anyOf: [one] }, { anyOf: [one, other] }]),
  schemas.map((one): [Json, Json] => [one, { ...one, title: 'x' }]),
  schemas.map((one): [Json, Json] => [one, { ...one, required: ['a'] }]),
);

/** A writer writes no properties but those its schema names, where it names some. */
function isOfWriter(schema: unknown, value: unknown): boolean {
  if (!isObject(schema)) return true;
  const inner = [schema.anyOf, schema.allOf].flatMap((list) =>
    Array.isArray(list) ? (list as unknown[]) : [],
  );
  if (!inner.every((one) => isOfWriter(one, value))) return false;
  if (Array.isArray(value)) return value.every((one) => isOfWriter(schema.items, one));
  if (!isObject(value) || !isObject(schema.properties)) return true;
  const { properties } = schema;
  return Object.entries(value).every(
    ([name, one]) =>
      (Object.hasOwn(properties, name) && isOfWriter(properties[name], one)) ||
      (!Object.hasOwn(properties, name) && isObject(schema.additionalProperties)),
  );
}

describe('a change of a schema that breaks nobody', () => {
  it('lets each version read what the other one writes', async () => {
    const { checkInput } = await loadValidator();
    const accepts = (input: JsonSchema, value: unknown): boolean => {
      const checked = checkInput(defineTask({ name: 't', input }), value);
      return 'ok' in checked && checked.ok;
    };
    let compatible = 0;
    const none = (): undefined => undefined;
    fc.assert(
      fc.property(pairs, fc.array(values, { minLength: 20, maxLength: 20 }), ([before, after], written) => {
        const broken = new Set(
          schemaChanges({ before, after, resolve: [none, none] }).flatMap(({ breaks }) => breaks),
        );
        const sides: [Direction, Json, Json][] = [
          ['backward', before, after],
          ['forward', after, before],
        ];
        for (const [direction, writer, reader] of sides) {
          if (broken.has(direction)) continue;
          for (const value of written) {
            if (!isOfWriter(writer, value) || !accepts(writer, value)) continue;
            compatible++;
            expect(
              accepts(reader, value),
              `${direction}: ${JSON.stringify({ before, after, value })}`,
            ).to.equal(true);
          }
        }
      }),
      { numRuns: 700 },
    );
    expect(compatible).to.be.greaterThan(300);
  });
});
