/**
 * Builds the message of a task call: name, arguments, limits and lineage, as plain data. Pure; knows neither
 * queues nor bytes.
 */
import { type Duration, parseDuration } from './config/duration.js';
import { CeleriacError } from './errors.js';
import type { TaskMessage } from './message.js';
import type { DebounceOptions, IdempotencyOptions, UniqueOptions } from './policy/key-options.js';
import { longestDelaySeconds } from './policy/delay.js';

/** How a task is to be sent. Durations are seconds, or text with a unit: `'500ms'`, `'20s'`, `'5m'`, `'1h'`, `'30d'`. */
export interface SendOptions {
  /** Default: a new UUIDv4. Sending again under the same id lets receivers recognise a repeat. */
  readonly id?: string;
  /** Default: the contract's queue, then the configured route, then `tasks.default_queue`. */
  readonly queue?: string;
  /** 0 to 255, higher first; takes effect on classic queues declared with `x-max-priority`. */
  readonly priority?: number;
  /** Not to be started earlier than this after sending; it waits in the broker. 2^28-1 seconds at most. */
  readonly delay?: Duration;
  /** Celery's word for `delay`. */
  readonly countdown?: Duration;
  /** Not to be started before this moment; one that has passed is now. Only one of `delay`, `countdown` and `eta`. */
  readonly eta?: Date;
  /** Not to be started later than this: a span from now, or a moment. */
  readonly expires?: Duration | Date;
  readonly timeLimit?: { readonly soft?: Duration; readonly hard?: Duration };
  /** Custom headers, readable as `ctx.headers`. */
  readonly headers?: Readonly<Record<string, unknown>>;
  /** Keyword arguments beside positional ones, for tasks sent by bare name. */
  readonly kwargs?: Readonly<Record<string, unknown>>;
  /** True: the result is not kept, and cannot be read. Default: the contract's, then `tasks.ignore_result`. */
  readonly ignoreResult?: boolean;
  /** A name to show in monitors in place of the task's. */
  readonly shadow?: string;
  /** True: monitors are shown no arguments (Celery's `argsrepr`); the worker gets them all the same. Default: the contract's. */
  readonly sensitive?: boolean;
  /** How long the broker may take to confirm. Default `tasks.publish_timeout`. */
  readonly timeout?: Duration;
  /** It succeeds once for this key, whatever the contract or the registration says of keys. */
  readonly idempotency?: IdempotencyOptions<string>;
  /** Not sent while another one with this key waits or runs; false is as if the contract said nothing. */
  readonly unique?: UniqueOptions<string> | false;
  /** Of several sends with this key the last one runs; false is as if the contract said nothing. */
  readonly debounce?: DebounceOptions<string> | false;
}

/** The task a message is sent from. */
export interface Lineage {
  readonly id: string;
  readonly rootId: string;
}

export interface Call {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** Headers of our own that belong to this call. */
  readonly headers?: Readonly<Record<string, unknown>>;
}

export interface Sender {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly newId: () => string;
  /** `gen<pid>@<host>`, as Celery names a producer. */
  readonly origin: string;
  readonly parent?: Lineage | undefined;
  /** How its result comes back; undefined where nobody reads it. */
  readonly replies?: { readonly replyTo?: string } | undefined;
}

export function buildTaskMessage(call: Call, options: SendOptions, sender: Sender): TaskMessage {
  const id = options.id ?? sender.newId();
  const expires = expiry(options.expires, sender.now);
  const eta = dueTime(options, sender.now);
  if (eta !== undefined && expires !== undefined && expires <= Math.max(eta, sender.now))
    throw invalid('expires', 'comes before the task is due: it could never run');
  return {
    kind: 'task',
    id,
    task: call.task,
    args: call.args,
    kwargs: call.kwargs,
    retries: 0,
    ...(eta === undefined ? {} : { eta }),
    ...(expires === undefined ? {} : { expires }),
    timeLimit: limits(options),
    ...(options.priority === undefined ? {} : { priority: priority(options.priority) }),
    rootId: sender.parent?.rootId ?? id,
    ...(sender.parent === undefined ? {} : { parentId: sender.parent.id }),
    ...shownAs(options),
    origin: sender.origin,
    lang: 'js',
    ...replying(sender),
    correlationId: id,
    embed: { callbacks: null, errbacks: null, chain: null, chord: null },
    headers: { ...options.headers, ...call.headers },
  };
}

function shownAs({ shadow, sensitive }: SendOptions): Pick<TaskMessage, 'shadow' | 'isSensitive'> {
  return {
    ...(shadow === undefined ? {} : { shadow }),
    ...(sensitive === true ? { isSensitive: true } : {}),
  };
}

/** What nobody reads, a Python worker must not store either. */
function replying({ replies }: Sender): Pick<TaskMessage, 'ignoreResult' | 'replyTo'> {
  const { replyTo } = replies ?? {};
  return { ignoreResult: replies === undefined, ...(replyTo === undefined ? {} : { replyTo }) };
}

function limits({ timeLimit: { soft, hard } = {} }: SendOptions): TaskMessage['timeLimit'] {
  return {
    ...(hard === undefined ? {} : { hard: parseDuration(hard) }),
    ...(soft === undefined ? {} : { soft: parseDuration(soft) }),
  };
}

/** Python's dates end with the year 9999. */
const latestMoment = Date.UTC(9999, 11, 31, 23, 59, 59);

function expiry(expires: Duration | Date | undefined, now: number): number | undefined {
  if (expires === undefined) return undefined;
  const at = expires instanceof Date ? expires.getTime() : now + parseDuration(expires) * 1000;
  if (at >= 0 && at <= latestMoment) return at;
  throw invalid('expires', 'is not a date between 1970 and 9999');
}

/** When the task is due; undefined is at once. */
function dueTime({ delay, countdown, eta }: SendOptions, now: number): number | undefined {
  if ([delay, countdown, eta].filter((one) => one !== undefined).length > 1)
    throw invalid('delay', 'cannot be combined with countdown or eta: give only one of them');
  const name = eta === undefined ? 'delay' : 'eta';
  const span = delay ?? countdown;
  const at =
    eta === undefined
      ? span === undefined
        ? undefined
        : Math.ceil(now + parseDuration(span) * 1000)
      : momentOf(eta);
  if (at === undefined || (span !== undefined && at <= now)) return undefined;
  if (at - now > longestDelaySeconds * 1000)
    throw invalid(name, `is further away than ${longestDelaySeconds} seconds (8.5 years), the longest delay`);
  return at;
}

function momentOf(eta: Date): number {
  const at: unknown = eta instanceof Date ? eta.getTime() : undefined;
  if (typeof at === 'number' && at >= 0 && at <= latestMoment) return at;
  throw invalid('eta', 'is not a Date between 1970 and 9999');
}

function priority(value: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= 255) return value;
  throw invalid('priority', `is ${String(value)}, but must be an integer from 0 to 255`);
}

function invalid(option: string, problem: string): CeleriacError {
  return new CeleriacError('ERR_INPUT_INVALID', {
    message: `The send option '${option}' ${problem}.`,
    hint: 'Nothing was sent.',
    values: { option },
  });
}
