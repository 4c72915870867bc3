/** The errors of a journal: what happened, where, and what a person can do. */
import { CeleriacError, errorText } from '@celeriac/core';

export interface Damage {
  readonly file: string;
  /** Where the record begins that cannot be read. */
  readonly offset: number;
  readonly what: string;
  /** Whether what comes before it is of use without the rest. */
  readonly canBeCut: boolean;
}

export function corrupt({ file, offset, what, canBeCut }: Damage): CeleriacError {
  return new CeleriacError('ERR_JOURNAL_CORRUPT', {
    message: `The journal ${file} is damaged at byte ${offset}: ${what}.`,
    hint: canBeCut
      ? `Put a copy of it back, or keep only what comes before: truncate -s ${offset} ${file}.`
      : 'Put a copy of it back, or move it away to begin anew.',
    values: { file, offset, what },
  });
}

export function newerFormat(file: string, values: { version: number; known: number }): CeleriacError {
  return new CeleriacError('ERR_JOURNAL_VERSION', {
    message: `The journal ${file} has format ${values.version}, and this version of Celeriac knows ${values.known}.`,
    hint: 'Use the version of Celeriac that wrote it, or a newer one; or another directory.',
    values: { file, ...values },
  });
}

export function notWritten(file: string, cause: unknown): CeleriacError {
  return new CeleriacError('ERR_JOURNAL_WRITE', {
    message: `The journal ${file} cannot be written: ${errorText(cause)}.`,
    hint: 'Make room on the disk, or correct its permissions; nothing is confirmed until it can be written.',
    values: { file },
    cause,
  });
}

export function inUse(directory: string, pid: number, lock: string): CeleriacError {
  return new CeleriacError('ERR_DATA_LOCKED', {
    message: `The data in ${directory} is in use by process ${pid}.`,
    hint: `Stop that broker, or use another directory. If no broker runs there, delete ${lock}.`,
    values: { directory, pid, lock },
  });
}
