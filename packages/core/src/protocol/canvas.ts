/**
 * Celery's signatures as JSON: what a workflow is made of when it travels in a message. Reads foreign ones without
 * trusting them, and writes all six keys as Celery does. Pure; throws Malformed. Sends nothing.
 *
 * Source: celery/canvas.py, captures of Celery 5.2.6 and 5.6.3 (docs/protocol.md).
 */
import { argsOf, isMap, kwargsOf, shown } from './celery-fields.js';
import { Malformed } from './received.js';

/** Options of `apply_async`, by Celery's names. Unknown ones are kept. */
export interface WireOptions {
  readonly task_id?: string;
  readonly group_id?: string;
  readonly group_index?: number;
  readonly root_id?: string;
  readonly parent_id?: string;
  readonly reply_to?: string;
  readonly chord?: WireSignature;
  /** What is left of a chain, the next one last. */
  readonly chain?: readonly WireSignature[];
  readonly link?: readonly WireSignature[];
  readonly link_error?: readonly WireSignature[];
  readonly queue?: string;
  readonly stamped_headers?: readonly string[];
  readonly [name: string]: unknown;
}

export interface WireSignature {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: WireOptions;
  readonly subtask_type: string | null;
  readonly immutable: boolean;
}

export type CanvasKind = 'task' | 'chain' | 'group' | 'chord' | 'chunks';

/** Deeper workflows are refused: they would be read by functions that call themselves. */
const mostNested = 100;

const kinds: ReadonlyMap<string, CanvasKind> = new Map([
  ['celery.chain', 'chain'],
  ['celery.group', 'group'],
  ['celery.chord', 'chord'],
  ['celery.chunks', 'chunks'],
]);

/** `celery.map` and `celery.starmap` are tasks; `celery.chunks` is a group in another form. */
export function canvasKind({ task }: WireSignature): CanvasKind {
  return kinds.get(task) ?? 'task';
}

/** A signature that came in a message. Its options may be anything yet: `link` and the like are read as well. */
export function readSignature(value: unknown, depth = 0): WireSignature {
  if (depth > mostNested) throw new Malformed('too-deep', `its workflow is nested over ${mostNested} deep`);
  if (!isMap(value)) throw new Malformed('bad-field', `a signature in it is ${shown(value)}, not an object`);
  const { task, args, kwargs, options, subtask_type: type, immutable } = value;
  if (typeof task !== 'string' || task === '')
    throw new Malformed('bad-field', `the task of a signature in it is ${shown(task)}, not text`);
  return {
    task,
    args: argsOf(args),
    kwargs: kwargsOf(kwargs),
    options: readOptions(options, depth),
    subtask_type: typeof type === 'string' ? type : null,
    immutable: immutable === true,
  };
}

export function readSignatures(value: unknown, depth = 0): readonly WireSignature[] {
  if (value === undefined || value === null) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((one) => readSignature(one, depth + 1));
}

const texts = ['task_id', 'group_id', 'root_id', 'parent_id', 'reply_to', 'queue', 'routing_key', 'shadow'];
const lists = ['chain', 'link', 'link_error'];

/** Null is absent, as in Celery. */
function readOptions(options: unknown, depth: number): WireOptions {
  const read: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(kwargsOf(options))) {
    if (value === null || value === undefined) continue;
    if (texts.includes(name) && typeof value !== 'string')
      throw new Malformed('bad-field', `the option '${name}' of a signature is ${shown(value)}, not text`);
    if (name === 'group_index' && typeof value !== 'number') continue;
    if (name === 'stamped_headers' && !Array.isArray(value)) continue;
    if (lists.includes(name)) read[name] = readSignatures(value, depth);
    else if (name === 'chord') read[name] = readSignature(value, depth + 1);
    else read[name] = value;
  }
  return read;
}

/** The members of a chain or group: a list, or, in a chord's header, a group again. */
export function membersOf(signature: WireSignature): readonly WireSignature[] {
  const { tasks } = signature.kwargs;
  return isMap(tasks) ? headerMembers(tasks) : readSignatures(tasks);
}

export interface ChordParts {
  readonly header: readonly WireSignature[];
  /** The group's own id, where it has one. */
  readonly groupId: string | undefined;
  readonly body: WireSignature;
}

export function chordParts({ kwargs, options }: WireSignature): ChordParts {
  const { header, body } = kwargs;
  const group = isMap(header) && header.task === 'celery.group' ? readSignature(header) : undefined;
  return {
    header: headerMembers(header),
    groupId: group?.options.task_id ?? options.group_id,
    body: readSignature(body),
  };
}

function headerMembers(header: unknown): readonly WireSignature[] {
  if (!isMap(header)) return readSignatures(header);
  const signature = readSignature(header);
  return canvasKind(signature) === 'group' ? membersOf(signature) : [signature];
}

export function taskSignature(
  task: string,
  { args = [], kwargs = {}, options = {}, immutable = false }: Partial<Omit<WireSignature, 'task'>> = {},
): WireSignature {
  return { task, args, kwargs, options, subtask_type: null, immutable };
}

export function chainSignature(tasks: readonly WireSignature[], options: WireOptions = {}): WireSignature {
  return { ...taskSignature('celery.chain', { kwargs: { tasks }, options }), subtask_type: 'chain' };
}

export function groupSignature(tasks: readonly WireSignature[], options: WireOptions = {}): WireSignature {
  return { ...taskSignature('celery.group', { kwargs: { tasks }, options }), subtask_type: 'group' };
}

/** With a group as its header, which carries the group's id; or a list, as Celery writes one that was not sent yet. */
export function chordSignature(
  header: readonly WireSignature[] | WireSignature,
  body: WireSignature,
  options: WireOptions = {},
): WireSignature {
  const kwargs = { kwargs: {}, header, body };
  return { ...taskSignature('celery.chord', { kwargs, options }), subtask_type: 'chord' };
}

/** The groups of calls that `celery.chunks` stands for. */
export function chunkMembers({ kwargs, options }: WireSignature): readonly WireSignature[] {
  const { task, it, n } = kwargs;
  const items = argsOf(it);
  const size = typeof n === 'number' && n >= 1 ? Math.floor(n) : 1;
  const members: WireSignature[] = [];
  for (let from = 0; from < items.length; from += size) {
    const part = { task: readSignature(task), it: items.slice(from, from + size) };
    members.push(taskSignature('celery.starmap', { kwargs: part, options, immutable: true }));
  }
  return members;
}

/** With further options, which win. */
export function withOptions(signature: WireSignature, options: WireOptions): WireSignature {
  return { ...signature, options: { ...signature.options, ...options } };
}

/** The call with a value from before: in front of its own arguments, or none of its business. */
export function withInput(signature: WireSignature, values: readonly unknown[]): WireSignature {
  if (signature.immutable || values.length === 0) return signature;
  return { ...signature, args: [...values, ...signature.args] };
}
