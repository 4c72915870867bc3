/**
 * Looks at what is to follow a task before it runs: what cannot be read, or counted, ends in the dead-letter queue with
 * the whole workflow in it, and not half done. And lets the body of a chord not run again that has succeeded.
 */
import {
  CeleriacError,
  type ChordStore,
  readSignature,
  readSignatures,
  type TaskMessage,
} from '@celeriac/core';

import type { Admission, Gate } from '../gate.js';
import type { Work } from '../work.js';
import { unreadable } from './follow-ups.js';

export class WorkflowGate implements Gate {
  readonly name = 'workflow';
  #chords: () => ChordStore | undefined;

  constructor(chords: () => ChordStore | undefined) {
    this.#chords = chords;
  }

  admit({ message }: Work): Admission | Promise<Admission> {
    if (message === undefined) return undefined;
    const problem = problemOf(message);
    if (problem !== undefined)
      return { outcome: { kind: 'malformed', reason: 'bad-field', error: unreadable(problem) } };
    const chords = this.#chords();
    const { embed, group, groupIndex, id } = message;
    if ((embed.chord ?? null) !== null && group !== undefined && chords === undefined)
      return { outcome: { kind: 'invalid', error: uncounted(message) } };
    // A group without a place in it: what closes one.
    if (group === undefined || groupIndex !== undefined || chords === undefined) return undefined;
    return chords
      .hasSucceeded(id)
      .then((isDone) => (isDone ? { outcome: { kind: 'repeated', because: 'done' } } : undefined));
  }
}

function problemOf({ embed: { callbacks, errbacks, chain, chord } }: TaskMessage): unknown {
  if (callbacks === null && errbacks === null && chain === null && (chord ?? null) === null) return undefined;
  try {
    for (const list of [callbacks, errbacks, chain]) readSignatures(list);
    if ((chord ?? null) !== null) readSignature(chord);
    return undefined;
  } catch (error) {
    return error;
  }
}

function uncounted({ task, id, group }: TaskMessage): CeleriacError {
  return new CeleriacError('ERR_CHORD_BACKEND', {
    message: `'${task}' counts in a chord, but this worker keeps no results in Redis, where chords are counted.`,
    hint: 'Set tasks.result_backend to redis://…, the same one that its sender has, and send it again from the dead-letter queue.',
    values: { task, id, group },
  });
}
