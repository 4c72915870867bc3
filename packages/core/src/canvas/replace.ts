/**
 * One task in the place of another that is running: under its id, in its group, with all that was to follow it. Pure.
 *
 * Source: celery/app/task.py (`Task.replace`).
 */
import { CeleriacError } from '../errors.js';
import type { TaskMessage } from '../message.js';
import {
  canvasKind,
  chainSignature,
  chordParts,
  chordSignature,
  readSignature,
  readSignatures,
  type WireOptions,
  type WireSignature,
  withOptions,
} from '../protocol/canvas.js';
import { defined } from '../protocol/celery-fields.js';
import { linked, stepsOf, unfolded } from './freeze.js';

/** The signature that is sent, and what is left of the chain. Throws ERR_WORKFLOW_INVALID. */
export function replacing(
  message: TaskMessage,
  wanted: WireSignature,
): { readonly signature: WireSignature; readonly chain: readonly WireSignature[] } {
  const { embed, stamps } = message;
  const place = {
    task_id: message.id,
    ...defined({
      group_id: message.group,
      group_index: message.groupIndex,
      reply_to: message.replyTo,
      ignore_result: message.ignoreResult,
      chord: embed.chord === null || embed.chord === undefined ? undefined : readSignature(embed.chord),
    }),
    replaced_task_nesting: (message.replacedTaskNesting ?? 0) + 1,
    ...(stamps === undefined ? {} : { ...stamps, stamped_headers: Object.keys(stamps) }),
  };
  const whole = linked(wanted, { linkError: readSignatures(embed.errbacks) });
  const signature = placed(whole, place, readSignatures(embed.callbacks));
  return { signature, chain: readSignatures(embed.chain) };
}

/** What ends last takes the place. */
function placed(
  wanted: WireSignature,
  place: WireOptions,
  callbacks: readonly WireSignature[],
): WireSignature {
  const signature = unfolded(wanted);
  switch (canvasKind(signature)) {
    case 'task':
      return linked(withOptions(signature, place), { link: callbacks });
    case 'chord': {
      const { header, body } = chordParts(signature);
      return chordSignature(header, placed(body, place, callbacks), signature.options);
    }
    case 'chain': {
      const steps = stepsOf(signature);
      const last = steps.at(-1);
      if (last === undefined) throw notPlaceable('an empty chain');
      const all = [...steps.slice(0, -1), placed(last, place, callbacks)];
      return chainSignature(all, signature.options);
    }
    case 'group':
    case 'chunks':
      throw notPlaceable('a group');
  }
}

function notPlaceable(what: string): CeleriacError {
  return new CeleriacError('ERR_WORKFLOW_INVALID', {
    message: `A task cannot be replaced by ${what}: it has no single result.`,
    hint: 'Put a task behind it, which takes the list of its results.',
  });
}

const brand = Symbol.for('celeriac.replaced');

/** Thrown by `replace`, to end the handler: another task has taken its place, so that it has no result of its own. */
export class Replaced extends Error {
  override readonly name: string = 'Replaced';

  constructor() {
    super('The task was replaced by another one: do not catch this.');
    Object.defineProperty(this, brand, { value: true });
  }
}

export function isReplaced(error: unknown): error is Replaced {
  try {
    return typeof error === 'object' && error !== null && Object.hasOwn(error, brand);
  } catch {
    return false; // a revoked proxy: handlers may throw anything
  }
}
