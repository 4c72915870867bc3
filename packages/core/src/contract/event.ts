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
  readonly dataSchema?: string;
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
  /** CloudEvents `dataschema` of its events: an absolute URI that names the schema of their data. Never fetched. */
  readonly dataSchema?: string;
}

/** Throws ERR_CONTRACT_INVALID for an object that is no routing word, an unknown action or an unknown key. */
export function defineEvent<const S extends Schema>(
  definition: EventDefinition<S>,
): EventContract<SchemaInput<S>, SchemaOutput<S>> {
  checkKeys('event', definition, ['object', 'action', 'values', 'dataSchema']);
  const { object, action, dataSchema } = definition;
  if (!isObjectWord(object) || !isEventAction(action)) {
    throw new CeleriacError('ERR_CONTRACT_INVALID', {
      message: `An event needs an object of one word and an action; got '${object}' and '${action}'.`,
      hint: `Objects have no dots, blanks, * or #; actions are ${eventActions.join(', ')}.`,
      values: { object, action },
    });
  }
  checkDataSchema(dataSchema);
  return Object.freeze({ ...definition, kind: 'event' as const });
}

/** In the order of an object's life. */
export const eventActions: readonly EventAction[] = ['new', 'update', 'delete', 'restore'];

export function isEventAction(action: unknown): action is EventAction {
  return eventActions.some((one) => one === action);
}

/** One word of a routing key, and no part of a placeholder. */
export function isObjectWord(object: unknown): boolean {
  return typeof object === 'string' && /^[^\s.*#{}]{1,100}$/u.test(object);
}

/** Throws ERR_CONTRACT_INVALID. CloudEvents 1.0.2 §3.1.2: a non-empty URI. */
function checkDataSchema(uri: string | undefined): void {
  if (uri === undefined || (typeof uri === 'string' && URL.canParse(uri))) return;
  throw new CeleriacError('ERR_CONTRACT_INVALID', {
    message: `'${uri}' cannot be the dataSchema of an event.`,
    hint: 'Use an absolute URI, as in https://example.com/schemas/deal.json or urn:example:deal.',
    values: { dataSchema: uri },
  });
}
