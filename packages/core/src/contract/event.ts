/** Event contracts: what happens to which kind of object, and the shape of its values. No I/O. */
import { CeleriacError } from '../errors.js';
import type { EventAction } from '../message.js';
import { checkKeys } from './definition.js';
import type { Schema, SchemaInput, SchemaOutput } from './schema.js';

/** `Values` is what a publisher passes, `Parsed` what a handler gets. */
export interface EventContract<Values = unknown, Parsed = Values> {
  readonly kind: 'event';
  readonly object: string;
  readonly action: EventAction;
  readonly values?: Schema;
  /** Never there: it carries the types. */
  readonly types?: { readonly values: Values; readonly parsed: Parsed };
}

export interface EventDefinition<S extends Schema> {
  /** The kind of object, one word: `deal`. */
  readonly object: string;
  /** What happened to it: `new`, `update`, `delete` or `restore`. */
  readonly action: EventAction;
  /** The shape of the object's values. Without it anything may be published. */
  readonly values?: S;
}

const actions: readonly string[] = ['new', 'update', 'delete', 'restore'];

/** Throws ERR_CONTRACT_INVALID for an object that is no routing word, an unknown action or an unknown key. */
export function defineEvent<const S extends Schema>(
  definition: EventDefinition<S>,
): EventContract<SchemaInput<S>, SchemaOutput<S>> {
  checkKeys('event', definition, ['object', 'action', 'values']);
  const { object, action } = definition;
  if (!/^[^\s.*#{}]{1,100}$/u.test(object) || !actions.includes(action)) {
    throw new CeleriacError('ERR_CONTRACT_INVALID', {
      message: `An event needs an object of one word and an action; got '${object}' and '${action}'.`,
      hint: `Objects have no dots, blanks, * or #; actions are ${actions.join(', ')}.`,
      values: { object, action },
    });
  }
  return Object.freeze({ ...definition, kind: 'event' as const });
}
