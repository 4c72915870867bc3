/**
 * The order in which a task ends: what follows it, its result, its chord. As in Celery, so that whoever sees the result
 * finds the rest on its way. Settles nothing: it says whether all of it is kept.
 *
 * Source: celery/app/trace.py (`trace_task`).
 */
import type {
  Delivery,
  FollowedTask,
  NewResult,
  Outcome,
  ResultTarget,
  TaskMessage,
  Verdict,
} from '@celeriac/core';

import type { ResultKeeper } from '../results/result-keeper.js';
import { resultOf } from '../results/result-of.js';
import type { EndState, FollowUps } from './follow-ups.js';

export interface EndParts {
  readonly results?: ResultKeeper | undefined;
  /** Undefined for events, which nothing follows. */
  readonly followUps?: FollowUps | undefined;
}

export interface EndedTask {
  readonly target: ResultTarget;
  /** Undefined where it could not be read. */
  readonly message: TaskMessage | undefined;
  /** Who counts on it: of the message, or what its headers say. */
  readonly followed: FollowedTask | undefined;
  readonly delivery: Delivery;
  readonly outcome: Outcome;
  readonly verdict: Verdict;
}

/** False when the delivery must not be acknowledged. Nothing to wait for where nothing is kept. Never rejects. */
export function endTask({ results, followUps }: EndParts, ended: EndedTask): true | Promise<boolean> {
  const { followed } = ended;
  if (followUps === undefined || followed === undefined || !(mayCount(followed) || isFollowed(followed)))
    return results === undefined ? true : results.ended(ended);
  return endFollowed({ results, followUps, followed }, ended);
}

async function endFollowed(following: Following, ended: EndedTask): Promise<boolean> {
  const { results, followUps } = following;
  const { message, target, outcome, verdict } = ended;
  const state = endState(outcome, resultOf(outcome, verdict, target.id));
  if (state?.status !== 'SUCCESS' || message === undefined) return keepAndTell(following, ended, state);
  const followed = await followUps.succeeded(message, state.value, ended.delivery);
  switch (followed.kind) {
    case 'gone':
      return false;
    case 'done':
      for (const child of followed.children) results?.sent(target.id, child);
      return keepAndTell(following, ended, state);
    case 'unfit': {
      const { error } = followed;
      const unfit: Outcome = { kind: 'succeeded', value: undefined, valueError: error };
      return keepAndTell(following, { ...ended, outcome: unfit }, { status: 'FAILURE', error });
    }
  }
}

interface Following {
  readonly results: ResultKeeper | undefined;
  readonly followUps: FollowUps;
  readonly followed: FollowedTask;
}

/** Its result, and then who counts on it. */
async function keepAndTell(
  { results, followUps, followed }: Following,
  ended: EndedTask,
  state: EndState | undefined,
): Promise<boolean> {
  if (results !== undefined && !(await results.ended(ended))) return false;
  if (state === undefined) return true;
  return (await followUps.ended(followed, state, ended.delivery)).kind !== 'gone';
}

/** What cannot be read may count in a chord: its place in the group is known. */
function mayCount({ isUnread = false, group, groupIndex }: FollowedTask): boolean {
  return isUnread && group !== undefined && groupIndex !== undefined;
}

function isFollowed({ embed: { callbacks, errbacks, chain, chord } }: FollowedTask): boolean {
  const isNothing = (list: readonly unknown[] | null): boolean => list === null || list.length === 0;
  return !isNothing(callbacks) || !isNothing(errbacks) || !isNothing(chain) || (chord ?? null) !== null;
}

/** Undefined where it goes on: a retry is no end. */
function endState(outcome: Outcome, result: NewResult | undefined): EndState | undefined {
  // Its result was told when it was cancelled.
  if (outcome.kind === 'revoked' && result === undefined) return { status: 'REVOKED', error: outcome.error };
  if (result === undefined) return undefined;
  if ('error' in result) {
    const { status, error } = result;
    return status === 'FAILURE' || status === 'REVOKED' ? { status, error } : undefined;
  }
  return result.status === 'SUCCESS' ? { status: 'SUCCESS', value: result.value } : undefined;
}
