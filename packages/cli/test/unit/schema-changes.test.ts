/** What a change of a schema breaks: each keyword both ways, references, and what nobody can judge. */
import { expect } from 'chai';

import { schemaChanges } from '../../dist/catalogue/schema-changes.js';

type Json = Record<string, unknown>;

function breaks(before: unknown, after: unknown, definitions: readonly [Json, Json] = [{}, {}]): unknown[] {
  const [old, now] = definitions;
  const resolve = [(ref: string) => old[ref.slice(2)], (ref: string) => now[ref.slice(2)]] as const;
  return schemaChanges({ before, after, resolve }).map(
    (change) => `${change.path} ${change.what}: ${change.breaks.join(' ') || 'fine'}`,
  );
}

const object = (properties: Json, more: Json = {}): Json => ({ type: 'object', properties, ...more });
const text = { type: 'string' };

describe('schemaChanges', () => {
  /** A change that narrows: `backward`; the other way round it widens: `forward`. */
  const narrowing: readonly (readonly [what: string, wide: Json, narrow: Json])[] = [
    ['a type that is lost', { type: ['string', 'null'] }, text],
    ['number to integer', { type: 'number' }, { type: 'integer' }],
    ['any type to one', {}, text],
    ['a larger minimum', { minimum: 1 }, { minimum: 2 }],
    ['a first minimum', {}, { minimum: 0 }],
    ['a smaller maxLength', { maxLength: 9 }, { maxLength: 8 }],
    ['a first maxItems', {}, { maxItems: 8 }],
    ['a first pattern', text, { ...text, pattern: '^a' }],
    ['a first format', text, { ...text, format: 'uri' }],
    ['a value of an enum that is lost', { enum: ['a', 'b'] }, { enum: ['a'] }],
    ['a first enum', text, { ...text, enum: ['a'] }],
    ['one alternative less', { anyOf: [text, { type: 'null' }] }, { anyOf: [text] }],
    ['no other properties', object({}), object({}, { additionalProperties: false })],
    ['other properties of a type', object({}), object({}, { additionalProperties: text })],
    ['items of a type', { type: 'array' }, { type: 'array', items: text }],
    ['a property that is required', object({ a: text }), object({ a: text }, { required: ['a'] })],
    ['inside a property', object({ a: {} }), object({ a: text })],
    ['inside items', { items: {} }, { items: text }],
    ['inside an alternative', { anyOf: [{}, { type: 'null' }] }, { anyOf: [text, { type: 'null' }] }],
  ];
  for (const [what, wide, narrow] of narrowing) {
    it(`${what} breaks the reading of old messages; the other way round, old readers`, () => {
      expect(breaks(wide, narrow)).to.have.length(1);
      expect(breaks(wide, narrow)[0]).to.match(/: backward$/u);
      expect(breaks(narrow, wide)).to.have.length(1);
      expect(breaks(narrow, wide)[0]).to.match(/: forward$/u);
      expect(breaks(wide, wide)).to.deep.equal([]);
    });
  }

  it('a property that is gone breaks old readers, and the reading of old messages where others are refused', () => {
    const closed = { additionalProperties: false };
    expect(breaks(object({ a: text }), object({}))).to.deep.equal(['a is gone: forward']);
    expect(breaks(object({ a: text }, closed), object({}, closed))).to.deep.equal([
      'a is gone: backward forward',
    ]);
  });

  it('a new property is fine, unless old readers refuse it or it is required', () => {
    const required = { required: ['a'] };
    expect(breaks(object({}), object({ a: text }))).to.deep.equal(['a is new: fine']);
    expect(
      breaks(
        object({}, { additionalProperties: false }),
        object({ a: text }, { additionalProperties: false }),
      ),
    ).to.deep.equal(['a is new: forward']);
    expect(breaks(object({}), object({ a: text }, required))).to.deep.equal([
      'a is required now: backward',
      'a is new: fine',
    ]);
    expect(breaks({ type: 'object' }, object({ a: text }))).to.deep.equal([
      'a is new: fine',
      'a was of any type and is string: backward',
    ]);
  });

  it('words for people and keys of tools change nothing', () => {
    const words = { title: 't', description: 'd', default: 1, examples: [1], $comment: 'c', 'x-unit': 's' };
    expect(breaks(text, { ...text, ...words })).to.deep.equal([]);
  });

  it('what is not understood breaks both when it changes, also by what it refers to', () => {
    const not = { not: { $ref: '#/a' } };
    expect(breaks({ if: text }, {})).to.deep.equal([' has another if: backward forward']);
    expect(breaks(not, not, [{ a: text }, { a: text }])).to.deep.equal([]);
    expect(breaks(not, not, [{ a: text }, { a: {} }])).to.deep.equal([' has another not: backward forward']);
    expect(breaks(object({ a: false }), object({ a: true }))).to.have.length(1);
    expect(breaks({ pattern: 'a' }, { pattern: 'b' })[0]).to.match(/backward forward$/u);
  });

  it('follows references, also of a schema that holds itself', () => {
    const tree = (leaf: unknown): Json => ({ node: object({ leaf, next: { $ref: '#/node' } }) });
    const ref = { $ref: '#/node' };
    expect(breaks(ref, ref, [tree(text), tree({ type: 'integer' })])).to.deep.equal([
      'leaf was string and is integer: backward forward',
    ]);
    expect(breaks(ref, tree(text).node, [tree(text), tree(text)])).to.deep.equal([]);
    expect(breaks(ref, { $ref: '#/gone' })).to.deep.equal([' is described otherwise: backward forward']);
  });
});
