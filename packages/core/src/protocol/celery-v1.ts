/**
 * Reads Celery's protocol 1: everything in the body, nothing in the headers. Nobody writes it but Celery before 4
 * and `task_protocol = 1`. Pure; throws Malformed.
 */
import type { TaskMessage } from '../message.js';
import {
  argsOf,
  commonFields,
  defined,
  isMap,
  kwargsOf,
  optionalText,
  ownHeaders,
  requiredName,
  shown,
} from './celery-fields.js';
import { Malformed, type Received } from './received.js';

export function decodeV1(document: unknown, { properties }: Received, timeZone: string): TaskMessage {
  if (!isMap(document))
    throw new Malformed('not-a-task', `it has no 'task' header and its body is ${shown(document)}`);
  const headers = properties.headers ?? {};
  if (document.task === undefined && headers.task === undefined)
    throw new Malformed('not-a-task', 'it names no task, neither in a header nor in its body');
  // Protocol 2 headers on a protocol 1 body win, as in Celery.
  const table = { ...document, ...headers };
  const id = requiredName(table, 'id');
  const group = optionalText(document, 'taskset') ?? optionalText(document, 'group');
  const list = (key: string): readonly unknown[] | null =>
    Array.isArray(document[key]) ? (document[key] as unknown[]) : null;
  return {
    kind: 'task',
    task: requiredName(table, 'task'),
    args: argsOf(document.args),
    kwargs: kwargsOf(document.kwargs),
    embed: {
      callbacks: list('callbacks'),
      errbacks: list('errbacks'),
      chain: null,
      chord: document.chord ?? null,
    },
    // `utc: false` says that times without offset are in the sender's zone, which is taken to be ours.
    ...commonFields(table, id, document.utc === false ? timeZone : 'UTC'),
    ...defined({
      group,
      priority: properties.priority,
      replyTo: properties.replyTo === '' ? undefined : properties.replyTo,
      correlationId: properties.correlationId,
    }),
    rootId: optionalText(headers, 'root_id') ?? id,
    headers: ownHeaders(headers),
  };
}
