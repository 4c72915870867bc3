/** What the end of a child means for the task it ran: the outcome, and the error that tells of it. Pure. */
import { CeleriacError, type Outcome } from '@celeriac/core';

import type { CancelledBy } from '../cancellation.js';
import { revoked } from '../revoked-error.js';
import type { Work } from '../work.js';
import type { ChildEnd } from './child.js';

/** Why its pool killed it; undefined where it died by itself. */
export type KilledFor = 'hardLimit' | 'memory' | 'lost' | 'close' | 'revoked' | undefined;

export interface EndFacts {
  readonly end: ChildEnd;
  readonly killedFor: KilledFor;
  /** Who told the task to stop, if anybody did. */
  readonly cancelledBy: CancelledBy | undefined;
  /** What was thrown in it where nobody caught it. */
  readonly lastWords: unknown;
  /** Bytes. */
  readonly maxMemory: number | undefined;
}

export function outcomeOfEnd(work: Work, facts: EndFacts): Outcome {
  const { killedFor, end, maxMemory, cancelledBy } = facts;
  if (killedFor === 'hardLimit') {
    const limitMs = work.hardLimitMs ?? 0;
    return { kind: 'timedOut', error: hardLimit(work, limitMs / 1000), limitMs };
  }
  // Whatever it did when it was told, even if its worker stops as well: it must not run again.
  if (cancelledBy === 'revoked') return { kind: 'revoked', error: revoked(work), terminated: true };
  // A task that is told to stop may end its process: it did as it was told.
  const by = toldBy(facts);
  if (by !== undefined) return { kind: 'aborted', error: died(work, facts), by };
  const crashes = (work.crashes ?? 0) + 1;
  const isMemory = killedFor === 'memory' || end.isOutOfMemory;
  const error = isMemory ? tooMuchMemory(work, maxMemory) : died(work, facts);
  return { kind: 'crashed', error, crashes, of: work.maxCrashes ?? 1 };
}

/** Who wanted it to end, where it did not end by itself. */
function toldBy({ killedFor, cancelledBy }: EndFacts): 'shutdown' | 'lost' | undefined {
  if (killedFor === 'lost' || cancelledBy === 'lost') return 'lost';
  return killedFor === 'close' || cancelledBy === 'shutdown' ? 'shutdown' : undefined;
}

function hardLimit({ id, name }: Work, limit: number): CeleriacError {
  return new CeleriacError('ERR_HARD_TIME_LIMIT', {
    message: `'${name}' ran longer than its hard time limit of ${limit} s and was ended.`,
    hint: 'Make it faster, split it, heed the signal of the soft limit, or raise the limit.',
    values: { name, id, limit },
  });
}

function tooMuchMemory({ id, name }: Work, maxMemory: number | undefined): CeleriacError {
  const limit = maxMemory === undefined ? 'more memory than there was' : `more than ${maxMemory} bytes`;
  return new CeleriacError('ERR_MEMORY_LIMIT', {
    message: `'${name}' used ${limit} and was ended.`,
    hint: 'Work in smaller pieces, or raise max_memory.',
    values: { name, id, ...(maxMemory === undefined ? {} : { limit: maxMemory }) },
  });
}

function died({ id, name }: Work, { end, lastWords }: EndFacts): CeleriacError {
  const { code, signal } = end;
  const how = signal === null ? `exit code ${code ?? 'unknown'}` : `signal ${signal}`;
  const cause = lastWords ?? end.error;
  return new CeleriacError('ERR_CHILD_DIED', {
    message: `The thread or process that ran '${name}' ended in the middle of it (${how}).`,
    hint: 'Look for process.exit, an error that nobody caught, a crash of native code, or too little memory.',
    values: { name, id, exitCode: code, signal },
    ...(cause === undefined ? {} : { cause }),
  });
}
