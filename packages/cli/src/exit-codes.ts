/**
 * From an error to an exit code. Source: sysexits(3).
 *
 * 0 done · 1 the task that was waited for failed, or the catalogue is not compatible · 2 usage ·
 * 3 the broker is not as it is needed (`topology plan`) ·
 * 69 the broker is not available, or no worker answers · 70 anything else · 75 a worker left handlers unfinished ·
 * 78 configuration, access or topology · 128 + n ended by a second signal n
 */
import { type CeleriacError, type ErrorCode, isCeleriacError } from '@celeriac/core';

export const exitCodes = {
  done: 0,
  taskFailed: 1,
  incompatible: 1,
  usage: 2,
  differs: 3,
  unavailable: 69,
  software: 70,
  notDrained: 75,
  configuration: 78,
} as const;

const unavailable: ReadonlySet<ErrorCode> = new Set([
  'ERR_BROKER_UNREACHABLE',
  'ERR_BROKER_SILENT',
  'ERR_BROKER_HANDSHAKE',
  'ERR_CONNECTION_LOST',
  'ERR_CHANNEL_CLOSED',
  'ERR_PUBLISH_TIMEOUT',
  'ERR_PUBLISH_BLOCKED',
  'ERR_REGISTRY_BUSY',
  'ERR_REDIS_UNAVAILABLE',
  'ERR_RESULT_TIMEOUT',
]);

const configuration: ReadonlySet<ErrorCode> = new Set([
  'ERR_CONFIG_INVALID',
  'ERR_CONFIG_UNREADABLE',
  'ERR_CONFIG_SYNTAX',
  'ERR_CONNECTION_STRING',
  'ERR_SIGNING_KEY',
  'ERR_EMBEDDED_BROKER',
  'ERR_BIND_REFUSED',
  'ERR_PORT_TAKEN',
  'ERR_DATA_LOCKED',
  'ERR_JOURNAL_CORRUPT',
  'ERR_JOURNAL_VERSION',
  'ERR_JOURNAL_WRITE',
  'ERR_ACCESS_REFUSED',
  'ERR_VHOST_REFUSED',
  'ERR_TLS',
  'ERR_TOPOLOGY_MISMATCH',
  'ERR_TOPOLOGY_MISSING',
  'ERR_TOPOLOGY_REFUSED',
  'ERR_TOPOLOGY_IN_USE',
  'ERR_DELIVERY_LIMIT_NEAR',
  'ERR_CONTRACT_INVALID',
  'ERR_TASK_DUPLICATE',
  'ERR_WORKER_STATE',
  'ERR_SCHEDULE_INVALID',
  'ERR_HANDLER_MODULE',
  'ERR_POOL_HANDLERS',
  'ERR_POOL_START',
  'ERR_REDIS_CLIENT',
  'ERR_REDIS_REFUSED',
  'ERR_RESULT_DISABLED',
]);

const unfinished: ReadonlySet<ErrorCode> = new Set([
  'ERR_DEAD_LETTERS_UNFINISHED',
  'ERR_TOPOLOGY_UNFINISHED',
]);

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  const coded = codedCause(error);
  return coded === undefined ? exitCodes.software : codeOf(coded);
}

/** The error that has a code: itself, or what a module threw while it registered its handlers. */
export function codedCause(error: unknown): CeleriacError | undefined {
  const inner = error instanceof ModuleError ? error.cause : error;
  return isCeleriacError(inner) ? inner : undefined;
}

/** Whether the same may succeed later, with nothing changed. */
export function isUnavailable(code: string): boolean {
  return (unavailable as ReadonlySet<string>).has(code);
}

function codeOf({ code, cause }: CeleriacError): number {
  // Everything a command is given comes from its command line.
  if (code === 'ERR_INPUT_INVALID' || code === 'ERR_SCHEDULE_UNKNOWN') return exitCodes.usage;
  if (unavailable.has(code)) return exitCodes.unavailable;
  if (code === 'ERR_TASK_FAILED' || code === 'ERR_TASK_REVOKED') return exitCodes.taskFailed;
  // What stopped it halfway says more than that it stopped.
  if (unfinished.has(code) && isCeleriacError(cause)) return codeOf(cause);
  return configuration.has(code) ? exitCodes.configuration : exitCodes.software;
}

/** The command was called wrongly; nothing was done. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
}

/** A module named by --require threw: what it is, which module, and what was thrown as `cause`. */
export class ModuleError extends Error {
  override readonly name: string = 'ModuleError';
}
