/**
 * What has changed between two catalogues of events: by the address of each event, not by its place in the document.
 * Pure.
 */
import { UsageError } from '../exit-codes.js';
import { type Direction, isObject, objectOf } from './keyword-changes.js';
import { type Resolve, schemaChanges } from './schema-changes.js';

export interface CatalogueChange {
  /** The event, by its address: its routing key. */
  readonly event: string;
  /** Absent where it is about the event as a whole. */
  readonly path?: string;
  readonly what: string;
  /** Nobody, where it is compatible. */
  readonly breaks: readonly Direction[];
}

/** In the order of addresses. Throws UsageError for what is no AsyncAPI 3 document. */
export function catalogueChanges(before: unknown, after: unknown): readonly CatalogueChange[] {
  const [old, now] = [eventsIn(before), eventsIn(after)];
  const resolve = [resolver(before), resolver(after)] as const;
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((event): CatalogueChange[] => {
    if (!now.has(event)) return [{ event, what: 'is gone', breaks: ['backward', 'forward'] }];
    if (!old.has(event)) return [{ event, what: 'is new', breaks: [] }];
    const versions = { before: old.get(event), after: now.get(event), resolve };
    return schemaChanges(versions).map((change) => ({ event, ...change }));
  });
}

/** Address to payload. */
function eventsIn(document: unknown): ReadonlyMap<string, unknown> {
  if (!isObject(document) || typeof document.asyncapi !== 'string' || !document.asyncapi.startsWith('3.'))
    throw new UsageError('--check takes an AsyncAPI 3 document, as this command writes it');
  const resolve = resolver(document);
  const channels = Object.values(objectOf(document.channels)).map(objectOf);
  return new Map(
    channels.flatMap(({ address, messages }): [string, unknown][] => {
      const [first] = Object.values(objectOf(messages)).map(objectOf);
      const message = typeof first?.$ref === 'string' ? objectOf(resolve(first.$ref)) : first;
      return typeof address === 'string' ? [[address, message?.payload ?? {}]] : [];
    }),
  );
}

/** References within the document, as JSON pointers (RFC 6901); undefined for any other. */
function resolver(document: unknown): Resolve {
  return (ref) => {
    if (!ref.startsWith('#/')) return undefined;
    const steps = ref.slice(2).split('/').map(step);
    return steps.reduce<unknown>(
      (at, name) => (isContainer(at) && Object.hasOwn(at, name) ? at[name] : undefined),
      document,
    );
  };
}

function step(text: string): string {
  try {
    return decodeURIComponent(text).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return text; // no percent-encoding
  }
}

function isContainer(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
