/** From a final state to what its reader gets: the value, or an error that says what the worker said. Pure. */
import { CeleriacError, type ErrorCode, type ErrorDetail } from '../errors.js';
import { exceptionText, type RemoteException } from '../protocol/exception.js';
import type { ResultRecord } from '../protocol/result.js';

/** A task failed or was revoked, there where it ran. Its code is ERR_TASK_FAILED or ERR_TASK_REVOKED. */
export class TaskError extends CeleriacError {
  override readonly name: string = 'TaskError';
  readonly taskId: string;
  /** The class of what was raised: `ValueError`. */
  readonly excType: string;
  /** Where that class is defined: `builtins`; undefined where the worker did not say. */
  readonly excModule: string | undefined;
  /** What the exception was made with. */
  readonly excArgs: readonly unknown[];
  /** Python's traceback, or the stack of a worker in JavaScript; undefined where there is none. */
  readonly traceback: string | undefined;

  constructor(code: ErrorCode, detail: ErrorDetail, { id, exception, traceback }: ResultRecord) {
    super(code, detail);
    const { type, module, args } = exception ?? { type: 'Exception', args: [] };
    this.taskId = id;
    this.excType = type;
    this.excModule = module;
    this.excArgs = args;
    this.traceback = traceback;
  }
}

/** The value of a final state. Throws a TaskError where it is not SUCCESS. */
export function valueOf(record: ResultRecord): unknown {
  if (record.status === 'SUCCESS') return record.value;
  throw taskError(record);
}

export function taskError(record: ResultRecord): TaskError {
  const { id, name, status, exception } = record;
  const { type, module }: RemoteException = exception ?? { type: 'Exception', args: [] };
  const which = name === undefined ? `The task ${id}` : `'${name}' (${id})`;
  const told =
    exception === undefined ? 'nothing is known of why' : exceptionText(exception).replace(/\.+$/u, '');
  const values = { id, ...(name === undefined ? {} : { name }), type, module };
  if (status === 'REVOKED') {
    const message = `${which} was revoked: ${told}.`;
    return new TaskError(
      'ERR_TASK_REVOKED',
      { message, hint: 'It did not run, or was ended.', values },
      record,
    );
  }
  const hint = 'The worker’s stack is in error.traceback.';
  return new TaskError('ERR_TASK_FAILED', { message: `${which} failed: ${told}.`, hint, values }, record);
}
