/** Types of contracts, checked by the compiler only: what follows from a literal schema, TypeBox and zod. */
import { Type } from 'typebox';
import { z } from 'zod';

import { defineEvent, type EventContract } from '../../dist/contract/event.js';
import { defineTask, type TaskContract } from '../../dist/contract/task.js';

/** Compiles when the types are the same, both ways. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function isTrue<T extends true>(_value?: T): void {}

type InputOf<C> = C extends TaskContract<infer Input, unknown, unknown> ? Input : never;
type ParsedOf<C> = C extends TaskContract<unknown, unknown, infer Parsed> ? Parsed : never;
type OutputOf<C> = C extends TaskContract<unknown, infer Output, unknown> ? Output : never;
/** Intersections written out. */
type Flat<T> = { [K in keyof T]: T[K] };

interface Charge {
  account: string;
  amount: number;
  note?: string;
}

export const literal = defineTask({
  name: 'literal',
  input: {
    type: 'object',
    properties: { account: { type: 'string' }, amount: { type: 'integer' }, note: { type: 'string' } },
    required: ['account', 'amount'],
    additionalProperties: false,
  },
  output: {
    type: 'object',
    properties: { id: { type: 'string' } },
    required: ['id'],
    additionalProperties: false,
  },
});
isTrue<Same<Flat<InputOf<typeof literal>>, Flat<Charge>>>();
isTrue<Same<InputOf<typeof literal>, ParsedOf<typeof literal>>>();
isTrue<Same<Flat<OutputOf<typeof literal>>, { id: string }>>();

const schema = { type: 'array', items: { enum: ['a', 'b'] } } as const;
export const listed = defineTask({ name: 'listed', input: schema });
isTrue<Same<InputOf<typeof listed>, ('a' | 'b')[]>>();

export const boxed = defineTask({
  name: 'boxed',
  input: Type.Object({ account: Type.String(), amount: Type.Integer(), note: Type.Optional(Type.String()) }),
  output: Type.Union([Type.Literal('done'), Type.Null()]),
});
isTrue<Same<Flat<InputOf<typeof boxed>>, Flat<Charge>>>();
isTrue<Same<OutputOf<typeof boxed>, 'done' | null>>();

export const converted = defineTask({
  name: 'converted',
  input: z.object({
    account: z.string(),
    when: z.string().transform((text) => new Date(text)),
    dry: z.boolean().default(false),
  }),
});
isTrue<Same<Flat<InputOf<typeof converted>>, { account: string; when: string; dry?: boolean | undefined }>>();
isTrue<Same<Flat<ParsedOf<typeof converted>>, { account: string; when: Date; dry: boolean }>>();

export const open = defineTask({ name: 'open' });
isTrue<Same<InputOf<typeof open>, unknown>>();

/** Nested objects are closed, dictionaries stay what they are. */
export const nested = defineTask({
  name: 'nested',
  input: {
    type: 'object',
    properties: {
      tags: { type: 'object', additionalProperties: { type: 'integer' } },
      free: { type: 'object' },
      list: {
        type: 'array',
        items: { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
      },
    },
    required: ['tags', 'free', 'list'],
  },
});
isTrue<Same<InputOf<typeof nested>['tags'], { [x: string]: number }>>();
isTrue<Same<InputOf<typeof nested>['free'], { [x: string]: unknown }>>();
isTrue<Same<Flat<InputOf<typeof nested>['list'][number]>, { a: string }>>();
isTrue<Same<keyof InputOf<typeof nested>, 'tags' | 'free' | 'list'>>();

declare const dynamic: Record<string, unknown>;
export const unknownShape = defineTask({ name: 'unknown', input: dynamic });
isTrue<Same<InputOf<typeof unknownShape>, unknown>>();

// @ts-expect-error -- a misspelt key
defineTask({ name: 'x', prioritty: 1 });
// @ts-expect-error -- a name is text
defineTask({ name: 1 });
// @ts-expect-error -- there is no such action
defineEvent({ object: 'deal', action: 'closed' });

type ValuesOf<E> = E extends EventContract<infer Values> ? Values : never;
export const event = defineEvent({
  object: 'deal',
  action: 'new',
  values: Type.Object({ name: Type.String() }),
});
isTrue<Same<Flat<ValuesOf<typeof event>>, { name: string }>>();
