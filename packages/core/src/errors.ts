/**
 * The errors of Celeriac: one class, a stable `code` each, the values that explain it, the cause and the next
 * step. `docs/errors.md` lists every code. No error text ever holds a password: see `redact.ts`.
 */
import { redact, redactValue } from './redact.js';

/** Every code, with whether trying the same thing again later can help. */
export const errorCodes = {
  ERR_CONFIG_INVALID: { retryable: false },
  ERR_CONFIG_UNREADABLE: { retryable: false },
  ERR_CONFIG_SYNTAX: { retryable: false },
  ERR_CONNECTION_STRING: { retryable: false },
  ERR_SIGNING_KEY: { retryable: false },
  ERR_BROKER_UNREACHABLE: { retryable: true },
  ERR_BROKER_SILENT: { retryable: true },
  ERR_BROKER_HANDSHAKE: { retryable: true },
  ERR_EMBEDDED_BROKER: { retryable: false },
  ERR_BIND_REFUSED: { retryable: false },
  ERR_PORT_TAKEN: { retryable: false },
  ERR_DATA_LOCKED: { retryable: false },
  ERR_JOURNAL_CORRUPT: { retryable: false },
  ERR_JOURNAL_VERSION: { retryable: false },
  ERR_JOURNAL_WRITE: { retryable: false },
  ERR_ACCESS_REFUSED: { retryable: false },
  ERR_VHOST_REFUSED: { retryable: false },
  ERR_TLS: { retryable: false },
  ERR_CONNECTION_LOST: { retryable: true },
  ERR_CHANNEL_CLOSED: { retryable: true },
  ERR_DELIVERY_LOST: { retryable: false },
  ERR_CLOSED: { retryable: false },
  ERR_AMQPLIB_INCOMPATIBLE: { retryable: false },
  ERR_TOPOLOGY_MISMATCH: { retryable: false },
  ERR_TOPOLOGY_MISSING: { retryable: false },
  ERR_TOPOLOGY_REFUSED: { retryable: false },
  ERR_TOPOLOGY_IN_USE: { retryable: true },
  ERR_TOPOLOGY_UNFINISHED: { retryable: true },
  ERR_PUBLISH_UNROUTABLE: { retryable: false },
  ERR_PUBLISH_NACKED: { retryable: true },
  ERR_PUBLISH_REFUSED: { retryable: false },
  ERR_PUBLISH_TIMEOUT: { retryable: true },
  ERR_PUBLISH_BLOCKED: { retryable: true },
  ERR_PUBLISH_BACKPRESSURE: { retryable: true },
  ERR_SEND_MANY: { retryable: true },
  ERR_EXCHANGE_NOT_FOUND: { retryable: false },
  ERR_MESSAGE_TOO_LARGE: { retryable: false },
  ERR_PAYLOAD_STORE: { retryable: true },
  ERR_PAYLOAD_UNAVAILABLE: { retryable: true },
  ERR_PAYLOAD_CORRUPT: { retryable: false },
  ERR_NOT_SERIALIZABLE: { retryable: false },
  ERR_CONTRACT_INVALID: { retryable: false },
  ERR_INPUT_INVALID: { retryable: false },
  ERR_MESSAGE_MALFORMED: { retryable: false },
  ERR_SIGNATURE: { retryable: false },
  ERR_DELIVERY_LIMIT: { retryable: false },
  ERR_MESSAGE_EXPIRED: { retryable: false },
  ERR_TASK_REVOKED: { retryable: false },
  ERR_TASK_UNKNOWN: { retryable: false },
  ERR_TASK_DUPLICATE: { retryable: false },
  ERR_EVENT_UNHANDLED: { retryable: false },
  ERR_SOFT_TIME_LIMIT: { retryable: false },
  ERR_HARD_TIME_LIMIT: { retryable: false },
  ERR_CHILD_DIED: { retryable: true },
  ERR_MEMORY_LIMIT: { retryable: false },
  ERR_POOL_START: { retryable: false },
  ERR_POOL_HANDLERS: { retryable: false },
  ERR_HANDLER_MODULE: { retryable: false },
  ERR_WORKER_STOPPING: { retryable: true },
  ERR_IO_THREAD: { retryable: true },
  ERR_WORKER_STATE: { retryable: false },
  ERR_SCHEDULE_INVALID: { retryable: false },
  ERR_SCHEDULE_UNKNOWN: { retryable: false },
  ERR_REGISTRY_BUSY: { retryable: true },
  ERR_DEAD_LETTERS_UNFINISHED: { retryable: true },
  ERR_DELIVERY_LIMIT_NEAR: { retryable: false },
  ERR_TASK_FAILED: { retryable: false },
  ERR_RESULT_TIMEOUT: { retryable: true },
  ERR_RESULT_UNKNOWN: { retryable: false },
  ERR_RESULT_DISABLED: { retryable: false },
  ERR_RESULT_UNREADABLE: { retryable: false },
  ERR_WORKFLOW_INVALID: { retryable: false },
  ERR_CHORD_BACKEND: { retryable: false },
  ERR_CHORD_FAILED: { retryable: false },
  ERR_OUTBOX_STORE: { retryable: true },
  ERR_UNIQUE_PENDING: { retryable: true },
  ERR_REDIS_CLIENT: { retryable: false },
  ERR_REDIS_UNAVAILABLE: { retryable: true },
  ERR_REDIS_REFUSED: { retryable: false },
  ERR_TRANSACTION_REQUIRED: { retryable: false },
} as const;

export type ErrorCode = keyof typeof errorCodes;

export interface ErrorDetail {
  /** What went wrong, with the values, in one sentence. */
  readonly message: string;
  /** What to do next, in one sentence. */
  readonly hint?: string;
  /** The values as data, for programs. Secrets are masked. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** The error below this one. */
  readonly cause?: unknown;
}

/** Shared by every copy of this package in a process, where `instanceof` would say no. */
const brand = Symbol.for('celeriac.error');

export class CeleriacError extends Error {
  override readonly name: string = 'CeleriacError';
  /** Stable: match on it, never on the text. */
  readonly code: ErrorCode;
  /** True when the same call may succeed later. */
  readonly retryable: boolean;
  readonly hint: string | undefined;
  readonly values: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, detail: ErrorDetail) {
    const text = detail.hint === undefined ? detail.message : `${detail.message} ${detail.hint}`;
    super(redact(text), detail.cause === undefined ? undefined : { cause: detail.cause });
    Object.defineProperty(this, brand, { value: true });
    this.code = code;
    this.retryable = errorCodes[code].retryable;
    this.hint = detail.hint === undefined ? undefined : redact(detail.hint);
    this.values = redactValue(detail.values ?? {}) as Record<string, unknown>;
  }

  toJSON(): Record<string, unknown> {
    return {
      name: this.name,
      code: this.code,
      message: this.message,
      retryable: this.retryable,
      values: this.values,
    };
  }
}

/** True for an error of Celeriac, also one made by another copy of the package; with `code`, for that one only. */
export function isCeleriacError(error: unknown, code?: ErrorCode): error is CeleriacError {
  try {
    const own = typeof error === 'object' && error !== null && Object.hasOwn(error, brand);
    return own && (code === undefined || (error as CeleriacError).code === code);
  } catch {
    return false; // a revoked proxy: handlers may throw anything
  }
}

/** The text of anything that was thrown, redacted. Never throws, whatever it is. */
export function errorText(error: unknown): string {
  try {
    if (error instanceof Error) return redact(textOf(error));
    return redact(typeof error === 'string' ? error : describe(error));
  } catch {
    return 'something that cannot be shown'; // a getter or a proxy that throws
  }
}

/** `message` is anything where someone assigned it. */
function textOf({ message, name }: Error): string {
  const text: unknown = message;
  if (typeof text === 'string') return text === '' ? name : text;
  return `${name}: ${describe(text)}`;
}

function describe(thrown: unknown): string {
  if (typeof thrown === 'bigint') return `${thrown}n`;
  try {
    const text: unknown = JSON.stringify(thrown); // undefined for undefined and for functions
    return typeof text === 'string' ? text : String(thrown);
  } catch {
    return Object.prototype.toString.call(thrown); // circular: its kind is all that can be said
  }
}
