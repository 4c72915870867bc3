/**
 * The message of a task of a workflow: its signature's options become the message's fields, as `apply_async` does it.
 * Pure. An option that cannot be read is an error: sent without it the task would run at another time or place.
 */
import { hiddenArgs } from '../protocol/python-repr.js';
import { CeleriacError } from '../errors.js';
import type { TaskMessage } from '../message.js';
import { celeryHeaders, defined, isMap } from '../protocol/celery-fields.js';
import type { WireOptions, WireSignature } from '../protocol/canvas.js';
import { parseIsoTime } from '../protocol/iso-time.js';
import type { FirstTask } from './expand.js';

export interface SentFrom {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly origin: string;
  /** Of times without an offset. */
  readonly timeZone: string;
  /** The task that this one follows. */
  readonly parentId?: string | undefined;
  /** The first of the workflow; absent: it is the first itself. */
  readonly rootId?: string | undefined;
}

/** Throws ERR_WORKFLOW_INVALID. */
export function taskOf({ signature, embed }: FirstTask, from: SentFrom): TaskMessage {
  const { task, args, kwargs, options } = signature;
  const id = options.task_id as string;
  const { headers } = options;
  return {
    kind: 'task',
    id,
    task,
    args,
    kwargs,
    retries: 0,
    timeLimit: defined({
      hard: numberOf(options, 'time_limit', task),
      soft: numberOf(options, 'soft_time_limit', task),
    }),
    ...defined({
      eta: dueTime(signature, from),
      expires: moment(signature, 'expires', from),
      priority: priorityOf(signature),
      parentId: from.parentId ?? options.parent_id,
      group: options.group_id,
      groupIndex: options.group_index,
      shadow: typeof options.shadow === 'string' ? options.shadow : undefined,
      ignoreResult: typeof options.ignore_result === 'boolean' ? options.ignore_result : undefined,
      replyTo: options.reply_to === '' ? undefined : options.reply_to,
      stamps: stampsOf(options),
      isSensitive: options.argsrepr === hiddenArgs ? true : undefined,
      replacedTaskNesting: numberOf(options, 'replaced_task_nesting', task),
    }),
    rootId: from.rootId ?? options.root_id ?? id,
    origin: from.origin,
    lang: 'js',
    correlationId: id,
    embed,
    headers: isMap(headers) ? ownHeaders(headers) : {},
  };
}

/** The queue that a signature names; Celery's `routing_key` says the same where there is no exchange to it. */
export function queueOf({ options }: WireSignature): string | undefined {
  const { queue, routing_key: key, exchange } = options;
  if (queue !== undefined) return queue;
  return typeof key === 'string' && (exchange === undefined || exchange === '') ? key : undefined;
}

function ownHeaders(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !celeryHeaders.has(name)));
}

/** Only what `stamped_headers` names is a stamp. */
function stampsOf(options: WireOptions): Record<string, unknown> | undefined {
  const names = options.stamped_headers;
  if (names === undefined || names.length === 0) return undefined;
  return Object.fromEntries(names.flatMap((name) => (name in options ? [[name, options[name]]] : [])));
}

function numberOf(options: WireOptions, name: string, task: string): number | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  throw unreadable(task, name, 'a number of at least 0');
}

function priorityOf({ task, options: { priority } }: WireSignature): number | undefined {
  if (priority === undefined) return undefined;
  if (typeof priority === 'number' && Number.isInteger(priority) && priority >= 0 && priority <= 255)
    return priority;
  throw unreadable(task, 'priority', 'an integer from 0 to 255');
}

function dueTime(signature: WireSignature, from: SentFrom): number | undefined {
  const { countdown } = signature.options;
  if (countdown === undefined) return moment(signature, 'eta', from);
  const seconds = numberOf(signature.options, 'countdown', signature.task) as number;
  return seconds === 0 ? undefined : Math.ceil(from.now + seconds * 1000);
}

/** Seconds from now, or a time. */
function moment(
  { task, options }: WireSignature,
  name: 'eta' | 'expires',
  { now, timeZone }: SentFrom,
): number | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  if (value instanceof Date) return value.getTime();
  if (name === 'expires' && typeof value === 'number' && Number.isFinite(value)) return now + value * 1000;
  const at = typeof value === 'string' ? parseIsoTime(value, timeZone) : undefined;
  if (at === undefined) throw unreadable(task, name, 'an ISO 8601 time');
  return at;
}

function unreadable(task: string, option: string, allowed: string): CeleriacError {
  return new CeleriacError('ERR_WORKFLOW_INVALID', {
    message: `The option '${option}' of the signature of '${task}' is not ${allowed}.`,
    hint: 'Nothing was sent.',
    values: { task, option },
  });
}
