/**
 * Families of events: everything that can happen to a kind of object, by one definition, and patterns over kinds and
 * actions for those who receive. No I/O; routing keys are made from the configuration, elsewhere.
 */
import { CeleriacError } from '../errors.js';
import type { EventAction } from '../message.js';
import { checkKeys } from './definition.js';
import { defineEvent, eventActions, type EventContract, isObjectWord } from './event.js';
import type { Schema, SchemaInput, SchemaOutput } from './schema.js';

/** Many events, to be received only. `*` is every kind of object, or every action. */
export interface EventPattern<Values = unknown, Parsed = Values> {
  readonly kind: 'event-pattern';
  readonly object: string;
  readonly action: EventAction | '*';
  readonly values?: Schema;
  /** Never there: it carries the types. */
  readonly types?: { readonly values: Values; readonly parsed: Parsed };
}

/** What can happen to one kind of object. */
export interface EventFamily<Values = unknown, Parsed = Values> {
  readonly kind: 'event-family';
  readonly object: string;
  readonly values?: Schema;
  readonly dataSchema?: string;
  readonly created: EventContract<Values, Parsed>;
  readonly updated: EventContract<Values, Parsed>;
  readonly deleted: EventContract<Values, Parsed>;
  readonly restored: EventContract<Values, Parsed>;
  /** All four, for a handler. */
  readonly any: EventPattern<Values, Parsed>;
}

export interface EventFamilyDefinition<S extends Schema> {
  /** The kind of object, one word: `deal`. */
  readonly object: string;
  /** The shape of the object's values. Without it anything may be published. */
  readonly values?: S;
  /** CloudEvents `dataschema` of its events: an absolute URI that names the schema of their data. Never fetched. */
  readonly dataSchema?: string;
}

/** Throws ERR_CONTRACT_INVALID as `defineEvent` does. */
export function defineEvents<const S extends Schema>(
  definition: EventFamilyDefinition<S>,
): EventFamily<SchemaInput<S>, SchemaOutput<S>> {
  checkKeys('event family', definition, ['object', 'values', 'dataSchema']);
  const contract = (action: EventAction) => defineEvent<S>({ ...definition, action });
  const { object, values } = definition;
  return Object.freeze({
    ...definition,
    kind: 'event-family' as const,
    created: contract('new'),
    updated: contract('update'),
    deleted: contract('delete'),
    restored: contract('restore'),
    any: Object.freeze({
      kind: 'event-pattern' as const,
      object,
      action: '*' as const,
      ...(values === undefined ? {} : { values }),
    }),
  });
}

/** What happened, as it is said, to what it is on the wire. */
const said: Readonly<Record<string, EventAction>> = {
  created: 'new',
  updated: 'update',
  deleted: 'delete',
  restored: 'restore',
};

/**
 * Events of many kinds of objects: `deal.*`, `*.deleted`, or `#` for all of them. The words are an object and an
 * action, not those of a routing key: that is made from `events.routing_key`. Throws ERR_CONTRACT_INVALID.
 */
export function eventsMatching(pattern: string): EventPattern {
  const [object = '', written = '', ...more] = (pattern === '#' ? '*.*' : pattern).split('.');
  const action = Object.hasOwn(said, written)
    ? said[written]
    : (['*', ...eventActions] as const).find((one) => one === written);
  if (action !== undefined && more.length === 0 && (object === '*' || isObjectWord(object)))
    return Object.freeze({ kind: 'event-pattern' as const, object, action });
  throw new CeleriacError('ERR_CONTRACT_INVALID', {
    message: `'${pattern}' is not a pattern of events.`,
    hint: `Use an object and an action, * for any, as in 'deal.*' or '*.deleted'; or '#'. Actions are ${[...eventActions, ...Object.keys(said)].join(', ')}.`,
    values: { pattern },
  });
}
