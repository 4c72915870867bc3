/**
 * What becomes of a task, as Celery's result backends write and read it: `rpc://` and `redis://` have the same record,
 * but for a few fields. Pure; decoding throws ERR_RESULT_UNREADABLE and nothing else.
 *
 * Source: celery/backends/base.py (`_get_result_meta`), rpc.py (`_to_result`); captures in test/fixtures/celery.
 */
import { CeleriacError, errorText } from '../errors.js';
import type { TaskMessage } from '../message.js';
import type { MessageProperties } from '../ports.js';
import { defined, isMap } from './celery-fields.js';
import { decodeException, encodeException, encodeTrace, type RemoteException } from './exception.js';
import { formatIsoTime, parseIsoTime } from './iso-time.js';
import { parseJson, stringifyJson } from './json.js';
import { fromTypedJson } from './typed-values.js';

/**
 * PENDING is the absence of a record. SUCCESS, FAILURE and REVOKED are final. Anything else is a state that the task
 * gave itself, such as PROGRESS.
 */
export type TaskState = string;

const readyStates: ReadonlySet<string> = new Set(['SUCCESS', 'FAILURE', 'REVOKED']);
const exceptionStates: ReadonlySet<string> = new Set(['FAILURE', 'REVOKED', 'RETRY']);

/** True for the states that are final. */
export function isReady(status: TaskState): boolean {
  return readyStates.has(status);
}

/** A task that was sent from within another, or a group of them. */
export interface TaskChild {
  readonly id: string;
  /** Ids of its members, where it is a group. */
  readonly members?: readonly string[];
}

/** What a store knows of a task. */
export interface ResultRecord {
  readonly id: string;
  readonly status: TaskState;
  /** What the task returned; in states of its own making, what it told. Undefined where there is an exception. */
  readonly value: unknown;
  /** In FAILURE, REVOKED and RETRY. */
  readonly exception?: RemoteException;
  /** As the worker wrote it: Python's traceback, or a stack. */
  readonly traceback?: string;
  readonly children: readonly TaskChild[];
  /** Milliseconds since the epoch; `redis://` only. */
  readonly doneAt?: number;
  readonly groupId?: string;
  readonly parentId?: string;
  /** What `result_extended` adds. */
  readonly name?: string;
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly worker?: string;
  readonly retries?: number;
  readonly queue?: string;
}

/** Whose result it is and who waits for it: read off its message. */
export interface ResultTarget {
  readonly id: string;
  /** Name of the task, where it is known. */
  readonly name?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly ignoreResult?: boolean | undefined;
  readonly groupId?: string | undefined;
  readonly parentId?: string | undefined;
  /** For `result_extended`. */
  readonly args?: readonly unknown[] | undefined;
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined;
  readonly retries?: number | undefined;
}

/** A state of a task, to be written. */
export type NewResult = {
  readonly children?: readonly string[];
} & (
  | { readonly status: 'SUCCESS'; readonly value: unknown }
  | { readonly status: 'FAILURE' | 'REVOKED' | 'RETRY'; readonly error: unknown }
  /** STARTED, or a state of the task's own: `value` is what it tells. */
  | { readonly status: string; readonly value: unknown; readonly isReady: false }
);

export interface EncodeResultOptions {
  /** `rpc` leaves out what only a store keeps. */
  readonly form: 'rpc' | 'stored';
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** What `result_extended` adds; absent: nothing. */
  readonly extended?: { readonly worker: string; readonly queue: string } | undefined;
}

/** The record's text. Throws ERR_NOT_SERIALIZABLE for a value that JSON cannot carry. */
export function encodeResult(
  target: ResultTarget,
  result: NewResult,
  { form, now, extended }: EncodeResultOptions,
): string {
  const { id, groupId, parentId } = target;
  const isError = 'error' in result;
  const common = {
    status: result.status,
    result: isError ? encodeException(result.error) : result.value,
    traceback: isError && result.status !== 'REVOKED' ? encodeTrace(result.error) : null,
    children: (result.children ?? []).map((child) => [[child, null], null]),
  };
  if (form === 'rpc') return recordText({ task_id: id, ...common });
  const record = {
    ...common,
    date_done: isReady(result.status) ? formatIsoTime(now) : null,
    ...(groupId === undefined ? {} : { group_id: groupId }),
    ...(parentId === undefined ? {} : { parent_id: parentId }),
    ...(extended === undefined ? {} : extendedFields(target, extended)),
    task_id: id,
  };
  return recordText(record);
}

/** Field by field, so that an error names the path within what the task returned. */
function recordText(record: Readonly<Record<string, unknown>>): string {
  const fields = Object.entries(record).map(
    ([key, value]) => `"${key}":${stringifyJson(value ?? null, key)}`,
  );
  return `{${fields.join(',')}}`;
}

function extendedFields(
  { name, args, kwargs, retries }: ResultTarget,
  { worker, queue }: { readonly worker: string; readonly queue: string },
): Record<string, unknown> {
  return {
    name: name ?? null,
    args: writable(args),
    kwargs: writable(kwargs),
    worker,
    retries: retries ?? 0,
    queue,
  };
}

/** Arguments may hold what Python writes and JSON has not, such as NaN: no reason to lose a result. */
function writable(value: unknown): unknown {
  try {
    stringifyJson(value ?? null);
    return value ?? null;
  } catch {
    return null;
  }
}

/** Reads a record of either form. `id` is the one that was asked for, where the record itself does not say. */
export function decodeResult(text: string | Buffer, id?: string): ResultRecord {
  try {
    const document = fromTypedJson(parseJson(text));
    if (!isMap(document)) throw new SyntaxError('it is no object');
    return recordOf(document, id);
  } catch (cause) {
    throw new CeleriacError('ERR_RESULT_UNREADABLE', {
      message: `The result${id === undefined ? '' : ` of ${id}`} cannot be read: ${errorText(cause)}.`,
      hint: 'Its writer has to use the json serializer (result_serializer), as Celery does by default.',
      values: { id },
      cause,
    });
  }
}

function recordOf(document: Record<string, unknown>, wantedId: string | undefined): ResultRecord {
  const { status, result, children } = document;
  const id = textOf(document.task_id) ?? wantedId;
  if (typeof status !== 'string' || status === '') throw new SyntaxError("it has no 'status'");
  if (id === undefined) throw new SyntaxError("it has no 'task_id'");
  const isError = exceptionStates.has(status);
  return {
    id,
    status,
    value: isError ? undefined : (result ?? null),
    ...(isError ? { exception: decodeException(result) } : {}),
    children: Array.isArray(children) ? children.flatMap(childOf) : [],
    ...defined({
      traceback: textOf(document.traceback),
      doneAt: momentOf(document.date_done),
      groupId: textOf(document.group_id),
      parentId: textOf(document.parent_id),
      name: textOf(document.name),
      args: Array.isArray(document.args) ? (document.args as unknown[]) : undefined,
      kwargs: isMap(document.kwargs) ? document.kwargs : undefined,
      worker: textOf(document.worker),
      retries: typeof document.retries === 'number' ? document.retries : undefined,
      queue: textOf(document.queue),
    }),
  };
}

/** `[[id, parent], null]` of a task, `[[id, parent], [member, …]]` of a group (celery/result.py, `as_tuple`). */
function childOf(tuple: unknown): TaskChild[] {
  if (!Array.isArray(tuple) || !Array.isArray(tuple[0])) return [];
  const [[id], members] = tuple as [unknown[], unknown];
  if (typeof id !== 'string') return [];
  return [
    { id, ...(Array.isArray(members) ? { members: members.flatMap(childOf).map((one) => one.id) } : {}) },
  ];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Celery before 5.4 writes UTC without an offset. */
function momentOf(value: unknown): number | undefined {
  if (value instanceof Date) return value.getTime();
  return typeof value === 'string' ? parseIsoTime(value) : undefined;
}

/** Of a task that was decoded. */
export function resultTarget(message: TaskMessage): ResultTarget {
  const { id, task: name, replyTo, correlationId, ignoreResult, group: groupId, parentId } = message;
  const { args, kwargs, retries } = message;
  return { id, name, replyTo, correlationId, ignoreResult, groupId, parentId, args, kwargs, retries };
}

/** Of a message whose body was not read: what its headers say. Undefined where they name no task (protocol 2). */
export function resultTargetOf({
  headers = {},
  replyTo,
  correlationId,
}: MessageProperties): ResultTarget | undefined {
  const { id, task, ignore_result: ignore, retries } = headers;
  if (typeof id !== 'string' || id === '' || typeof task !== 'string') return undefined;
  return {
    id,
    name: task,
    replyTo: replyTo === '' ? undefined : replyTo,
    correlationId,
    ignoreResult: typeof ignore === 'boolean' ? ignore : undefined,
    groupId: textOf(headers.group),
    parentId: textOf(headers.parent_id),
    retries: typeof retries === 'number' ? retries : undefined,
  };
}
