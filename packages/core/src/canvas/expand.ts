/**
 * From a workflow to the tasks that begin it: those that wait for nothing. What comes later travels with them. Pure;
 * sends nothing.
 *
 * Source: celery/canvas.py (`apply_async` of chain, group and chord), app/task.py.
 */
import type { TaskEmbed } from '../message.js';
import {
  canvasKind,
  chainSignature,
  chordParts,
  chordSignature,
  membersOf,
  type WireSignature,
  withInput,
} from '../protocol/canvas.js';
import { freeze, unfolded } from './freeze.js';

/** What a signature is called with. */
export interface CallContext {
  readonly newId: () => string;
  /** The value from before, in a list; empty where there is none. */
  readonly input: readonly unknown[];
  /** What is left of the chain that it is in, the next one last. */
  readonly chain: readonly WireSignature[];
}

/** A task that can be sent. */
export interface FirstTask {
  readonly signature: WireSignature;
  readonly embed: TaskEmbed;
}

export interface Expanded {
  readonly tasks: readonly FirstTask[];
  /** How many tasks have to end before the body of a chord runs, by the id of its group. */
  readonly chords: ReadonlyMap<string, number>;
}

/** `signature` has its ids. Throws ERR_WORKFLOW_INVALID, or Malformed. */
export function expand(signature: WireSignature, context: CallContext): Expanded {
  const tasks: FirstTask[] = [];
  const chords = new Map<string, number>();
  visit(signature, context);
  return { tasks, chords };

  function visit(wanted: WireSignature, { newId, input, chain }: CallContext): void {
    const one = unfolded(wanted);
    switch (canvasKind(one)) {
      case 'task':
        tasks.push({ signature: withInput(one, input), embed: embedOf(one, chain) });
        return;
      case 'chain': {
        const [first, ...rest] = membersOf(one) as [WireSignature, ...WireSignature[]];
        visit(first, { newId, input, chain: [...chain, ...rest.toReversed()] });
        return;
      }
      case 'chord':
        visitChord(extended(one, chain, newId), { newId, input, chain: [] });
        return;
      case 'group':
      case 'chunks':
        visitGroup(one, { newId, input, chain });
    }
  }

  function visitGroup(group: WireSignature, { newId, input, chain }: CallContext): void {
    const follows = chain.at(-1);
    if (follows !== undefined) {
      // Celery makes a chord of it: so does what is sent from here, but a foreign one may not have.
      const whole = chainSignature([group, ...chain.toReversed()]);
      return visit(freeze(whole, { newId }).signature, { newId, input, chain: [] });
    }
    for (const member of membersOf(freeze(group, { newId }).signature))
      visit(member, { newId, input, chain: [] });
  }

  function visitChord(chord: WireSignature, context: CallContext): void {
    if (canvasKind(chord) !== 'chord') return visit(chord, context); // its header is empty
    const { header, groupId } = chordParts(chord);
    chords.set(groupId ?? '', sizeOf(header));
    for (const member of header) visit(member, context);
  }
}

/** A chord whose body goes on with the chain that it was in. */
function extended(chord: WireSignature, chain: readonly WireSignature[], newId: () => string): WireSignature {
  if (chain.length === 0) return freeze(chord, { newId }).signature;
  const { header, body, groupId } = chordParts(chord);
  const whole = chainSignature([body, ...chain.toReversed()]);
  const group = { ...chord.options, ...(groupId === undefined ? {} : { group_id: groupId }) };
  return freeze(chordSignature(header, whole, group), { newId }).signature;
}

/** Each member ends once: a chain with its last, a chord with its body. */
function sizeOf(members: readonly WireSignature[]): number {
  return members.reduce((sum, member) => sum + endsOf(unfolded(member)), 0);
}

function endsOf(member: WireSignature): number {
  switch (canvasKind(member)) {
    case 'task':
      return 1;
    case 'chord':
      return endsOf(unfolded(chordParts(member).body));
    case 'group':
    case 'chunks':
      return sizeOf(membersOf(member));
    case 'chain': {
      const sizes = membersOf(member).map((one) => endsOf(one));
      return sizes.findLast((size) => size > 0) ?? 0;
    }
  }
}

function embedOf({ options }: WireSignature, chain: readonly WireSignature[]): TaskEmbed {
  const { link = [], link_error: linkError = [], chord = null } = options;
  return {
    callbacks: link.length === 0 ? null : link,
    errbacks: linkError.length === 0 ? null : linkError,
    chain: chain.length === 0 ? null : chain,
    chord,
  };
}
