/**
 * Types of objects' events, which are their routing keys: made from a configured template, read back, and turned into
 * routing patterns. Several templates may be in use at once: one is published by, the others are understood. Pure.
 */
import { CeleriacError } from '../errors.js';
import { isEventAction } from '../contract/event.js';
import type { EventAction } from '../message.js';

/** Fills `core.limeobject.{object}.{action}.v1`. Throws ERR_CONTRACT_INVALID for an object that is no routing word. */
export function eventType(template: string, object: string, action: EventAction): string {
  if (!/^[^\s.*#]{1,100}$/u.test(object)) {
    throw new CeleriacError('ERR_CONTRACT_INVALID', {
      message: `'${object}' cannot name an object in an event's type.`,
      hint: 'Use one word: no dots, blanks, * or #.',
      values: { object },
    });
  }
  return filled(template, object, action);
}

/** By function: a text would have its `$$` and `$&` replaced. */
function filled(template: string, object: string, action: string): string {
  return template.replace(/\{(object|action)\}/gu, (_, name) => (name === 'object' ? object : action));
}

/** Reads object and action back from a type; undefined when it was made by none of the templates. */
export function parseEventType(
  templates: string | readonly string[],
  type: string,
): { readonly object: string; readonly action: EventAction } | undefined {
  for (const template of typeof templates === 'string' ? [templates] : templates) {
    const { object, action } = wordsOf(template, type.split('.')) ?? {};
    if (object !== undefined && isEventAction(action)) return { object, action };
  }
  return undefined;
}

type Words = Readonly<Partial<Record<'object' | 'action', string>>>;

/** What stands where the template has its placeholders. Undefined where anything else differs. */
function wordsOf(template: string, words: readonly string[]): Words | undefined {
  const wanted = template.split('.');
  if (words.length !== wanted.length) return undefined;
  const found: Partial<Record<'object' | 'action', string>> = {};
  for (const [index, want] of wanted.entries()) {
    if (want === '{object}') found.object = words[index] as string;
    else if (want === '{action}') found.action = words[index] as string;
    else if (want !== words[index]) return undefined;
  }
  return found;
}

/** The spellings of routing keys in use: `events` of the configuration. */
export interface EventSpellings {
  readonly routing_key: string;
  readonly accepted_routing_keys: readonly string[];
}

/** The one that is published by first. */
export function eventTemplates({
  routing_key: first,
  accepted_routing_keys: more,
}: EventSpellings): string[] {
  return [...new Set([first, ...more])];
}

/** What a handler or an application asks for: a contract, a pattern over objects, or a routing pattern. */
export type EventWanted = string | { readonly object: string; readonly action: EventAction | '*' };

/**
 * The routing patterns to bind for what is asked for, one for each spelling, the one that is published by first. A
 * routing pattern stays as it is, and where it is written in one spelling the others are added. Throws
 * ERR_CONTRACT_INVALID where a spelling cannot express the pattern.
 */
export function eventPatterns(spellings: EventSpellings, wanted: EventWanted): readonly string[] {
  const templates = eventTemplates(spellings);
  if (typeof wanted !== 'string') return [...new Set(templates.map((one) => routingPattern(one, wanted)))];
  const others = templates.flatMap((from) => templates.flatMap((to) => translated(wanted, from, to) ?? []));
  return [...new Set([wanted, ...others])];
}

function routingPattern(
  template: string,
  { object, action }: { readonly object: string; readonly action: EventAction | '*' },
): string {
  if (object !== '*' && action !== '*') return eventType(template, object, action);
  const pattern = filled(template, object, action);
  // In AMQP an asterisk is a word or nothing special.
  if (pattern.split('.').every((word) => word === '*' || !word.includes('*'))) return pattern;
  throw new CeleriacError('ERR_CONTRACT_INVALID', {
    message: `The routing key '${template}' cannot be matched by '${object}.${action}': AMQP's * is a whole word.`,
    hint: 'Set the placeholders of events.routing_key between dots, or handle each event by its contract.',
    values: { template, object, action },
  });
}

/**
 * The pattern as the other template spells it: of a whole key (`core.lime.deal.*.v1`), or of its beginning with `#`
 * for the rest (`core.lime.deal.#`). Undefined where it is neither.
 */
function translated(pattern: string, from: string, to: string): string | undefined {
  const words = pattern.split('.');
  if (words.at(-1) !== '#') return respelt(words, from, to);
  words.pop();
  const known = from.split('.').slice(0, words.length).filter(isPlaceholder).length;
  const [fromHead, toHead] = [head(from, known), head(to, known)];
  if (fromHead === undefined || toHead === undefined) return undefined;
  const begun = respelt(words, fromHead, toHead);
  return begun === undefined ? undefined : `${begun}.#`;
}

function respelt(words: readonly string[], from: string, to: string): string | undefined {
  const found = words.includes('#') ? undefined : wordsOf(from, words);
  const holds = (template: string): string => template.split('.').filter(isPlaceholder).sort().join();
  if (found === undefined || holds(from) !== holds(to)) return undefined;
  return filled(to, found.object ?? '', found.action ?? '');
}

function isPlaceholder(word: string): boolean {
  return word === '{object}' || word === '{action}';
}

/** What a template begins with, up to its `known`th placeholder; with 0, what stands before the first. */
function head(template: string, known: number): string | undefined {
  const words = template.split('.');
  const places = words.flatMap((word, index) => (isPlaceholder(word) ? [index] : []));
  const last = known === 0 ? places[0] : places[known - 1];
  if (last === undefined || (known === 0 && last === 0)) return undefined;
  return words.slice(0, known === 0 ? last : last + 1).join('.');
}
