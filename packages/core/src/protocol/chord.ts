/**
 * How chords are counted in a store, as Celery's Redis backend writes it: one entry per task of the header, and the
 * group's tree where a header is made of groups. Pure; reading throws ERR_RESULT_UNREADABLE and nothing else.
 *
 * Source: celery/backends/redis.py (`on_chord_part_return`), celery/result.py (`as_tuple`).
 */
import { CeleriacError } from '../errors.js';
import { isMap } from './celery-fields.js';
import { decodeException, encodeException, type RemoteException } from './exception.js';
import { parseJson, stringifyJson } from './json.js';
import { argsRepr } from './python-repr.js';
import { fromTypedJson } from './typed-values.js';

/** How a task of a header ended. */
export type ChordPart = { readonly id: string } & (
  | { readonly status: 'SUCCESS'; readonly value: unknown }
  | { readonly status: 'FAILURE' | 'REVOKED'; readonly error: unknown }
);

/** The entry. Throws ERR_NOT_SERIALIZABLE. */
export function encodePart(part: ChordPart): string {
  const result = 'error' in part ? encodeException(part.error) : (part.value ?? null);
  return stringifyJson([1, part.id, part.status, result], 'result');
}

export interface ReadPart {
  readonly id: string;
  readonly value: unknown;
  /** Where it did not succeed. */
  readonly exception?: RemoteException;
}

const failed: ReadonlySet<unknown> = new Set(['FAILURE', 'REVOKED']);

export function decodePart(text: string): ReadPart {
  const entry = read(text, 'an entry of a chord');
  if (!Array.isArray(entry) || typeof entry[1] !== 'string') throw unreadable('an entry of a chord');
  const [, id, status, result] = entry as [unknown, string, unknown, unknown];
  if (!failed.has(status)) return { id, value: result };
  return { id, value: undefined, exception: decodeException(result) };
}

/** A task of a saved group, or a group in it. */
export type GroupTree = string | readonly GroupTree[];

/** `{"result": [[id, parent], [member, …]]}`, where a member is `[[id, parent], null]` or a group again. */
export function decodeGroupTree(text: string): readonly GroupTree[] {
  const document = read(text, 'a saved group');
  const tree = isMap(document) ? treeOf(document.result) : undefined;
  if (tree === undefined || typeof tree === 'string') throw unreadable('a saved group');
  return tree;
}

function treeOf(tuple: unknown): GroupTree | undefined {
  if (!Array.isArray(tuple)) return undefined;
  const [identity, members] = tuple as unknown[];
  if (Array.isArray(members)) return members.map(treeOf).filter((one) => one !== undefined);
  const id: unknown = Array.isArray(identity) ? identity[0] : identity;
  return typeof id === 'string' ? id : undefined;
}

/** What a chord's body fails with: as Celery says it. */
export function chordFailed(id: string, { type, args }: RemoteException): CeleriacError {
  const all = args.length === 1 ? argsRepr(args).replace(/,\)$/u, ')') : argsRepr(args);
  return new CeleriacError('ERR_CHORD_FAILED', { message: `Dependency ${id} raised ${type}${all}` });
}

function read(text: string, what: string): unknown {
  try {
    return fromTypedJson(parseJson(text));
  } catch (cause) {
    throw unreadable(what, cause);
  }
}

function unreadable(what: string, cause?: unknown): CeleriacError {
  return new CeleriacError('ERR_RESULT_UNREADABLE', {
    message: `${what} in the result store cannot be read.`,
    hint: 'Its writer has to use the json serializer (result_serializer), as Celery does by default.',
    cause,
  });
}
