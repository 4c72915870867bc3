/** From what workers, stores and queues say of a task to where it is. Pure; trusts none of it. */
import type { ControlAnswer } from '../control/control-answer.js';
import type { DeadLetter } from '../dead-letters/letter.js';
import { deliveryCount } from '../policy/redelivery.js';
import type { MessageProperties } from '../ports.js';
import { isMap } from '../protocol/celery-fields.js';
import { exceptionText } from '../protocol/exception.js';
import { parseIsoTime } from '../protocol/iso-time.js';
import type { ResultRecord } from '../protocol/result.js';
import type { FoundMessage } from '../queues/find-message.js';
import type { TaskPlace } from './explanation.js';

export interface ControlAnswers {
  /** To `query_task`: `{ id: [state, request] }` of each worker. */
  readonly answers: readonly ControlAnswer[];
  /** To `revoked`: ids. */
  readonly revoked: readonly ControlAnswer[];
}

export function ofControl(id: string, { answers, revoked }: ControlAnswers): readonly TaskPlace[] {
  const held = answers.flatMap(({ node, value }) => {
    const entry = isMap(value) ? value[id] : undefined;
    return Array.isArray(entry) ? [heldBy(node, entry)] : [];
  });
  const nodes = revoked
    .filter(({ value }) => Array.isArray(value) && value.includes(id))
    .map(({ node }) => node);
  if (nodes.length === 0) return held;
  const text = `cancelled: ${nodes.join(', ')} will not run it`;
  return [...held, { state: 'cancelled', text, facts: { workers: nodes } }];
}

function heldBy(node: string, [state, request]: readonly unknown[]): TaskPlace {
  const info = isMap(request) ? request : {};
  const since = typeof info.time_start === 'number' ? iso(info.time_start * 1000) : undefined;
  const isRunning = state === 'active';
  const redelivered = isMap(info.delivery_info) && info.delivery_info.redelivered === true;
  const again = redelivered ? '; it was delivered before, and not settled' : '';
  return {
    state: isRunning ? 'running' : 'reserved',
    text: isRunning
      ? `runs on ${node}${since === undefined ? '' : ` since ${since}`}${again}`
      : `in the hands of ${node}, waiting for its turn${again}`,
    name: textOf(info.name),
    facts: { worker: node, since, redelivered, pid: info.worker_pid },
  };
}

export function ofResult(record: ResultRecord): TaskPlace {
  const { status, name, doneAt, worker, retries, exception, parentId, groupId, queue } = record;
  const at = doneAt === undefined ? '' : ` at ${iso(doneAt)}`;
  const why = exception === undefined ? '' : `: ${exceptionText(exception)}`;
  const isOver = ['SUCCESS', 'FAILURE', 'REVOKED'].includes(status);
  return {
    state: isOver ? 'finished' : 'running',
    text: isOver ? `ended with ${status}${at}${why}` : `has told the state ${status}${why}`,
    name,
    facts: {
      status,
      at: doneAt === undefined ? undefined : iso(doneAt),
      worker,
      retries,
      parentId,
      groupId,
      queue,
    },
  };
}

export function ofLetter(letter: DeadLetter, deadLetterQueue: string): TaskPlace {
  const { reason, detail, error, attempts, worker, time, by, queue, properties, name } = letter;
  const after = attempts === undefined ? '' : ` after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
  const why = error === undefined ? (detail === undefined ? '' : ` (${detail})`) : ` (${error})`;
  const at = time === undefined ? '' : ` at ${iso(time)}`;
  return {
    state: 'dead-lettered',
    text: `dead-lettered in ${deadLetterQueue}: ${reason}${after}${at}${why}`,
    name,
    facts: { reason, detail, error, attempts, worker, by, diedIn: queue, ...messageFacts(properties) },
  };
}

export interface WaitingIn {
  readonly queue: string;
  readonly purpose: string;
}

export function ofWaiting(message: FoundMessage, { queue, purpose }: WaitingIn): TaskPlace {
  const { properties, before } = message;
  const { headers } = properties;
  const facts = messageFacts(properties);
  const eta = typeof headers.eta === 'string' ? parseIsoTime(headers.eta, 'UTC') : undefined;
  const until = eta === undefined ? '' : ` until ${iso(eta)}`;
  const isDelayed = purpose === 'delay';
  const { before: deliveries } = deliveryCount({ redelivered: false, properties });
  const again = deliveries === 0 ? '' : `; delivered ${deliveries} times before, and never settled`;
  return {
    state: isDelayed ? 'delayed' : 'waiting',
    text: isDelayed
      ? `delayed in ${queue}${until}`
      : `waits in ${queue}, ${before === 0 ? 'next' : `behind ${before}`}${again}`,
    name: textOf(headers.task),
    facts: { queue, before, deliveries, ...facts },
  };
}

/** What headers say of how it came about. */
function messageFacts({ headers = {} }: MessageProperties): Readonly<Record<string, unknown>> {
  const own = (name: string): unknown => headers[name] ?? undefined;
  return {
    sentBy: own('origin'),
    language: own('lang'),
    rootId: own('root_id'),
    parentId: own('parent_id'),
    group: own('group'),
    retries: own('retries'),
    eta: own('eta'),
    expires: own('expires'),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A time out of range is no reason to say nothing of the rest. */
function iso(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : 'an impossible time';
}
