/**
 * The life of a delivery, as a list of verbs: prepare → execute → judge → settle → report.
 * Never throws: it is called from the channel's callback.
 */
import {
  type AttemptFacts,
  CeleriacError,
  type Delivery,
  type DeliveryCount,
  deliveryCount,
  followedTask,
  isReject,
  isRetry,
  type Logger,
  type Outcome,
  parseDuration,
  resultTarget,
  resultTargetOf,
  type Verdict,
} from '@celeriac/core';

import { endTask } from './canvas/end-task.js';
import type { DispatchParts } from './dispatch-parts.js';
import { Passage } from './gate.js';
import { judge } from './judge.js';
import { runWork } from './run-work.js';
import { settle, type SettleParts } from './settle.js';
import type { Suspicion } from './suspects.js';
import type { Prepared, Tried } from './work.js';

export async function dispatch(delivery: Delivery, parts: DispatchParts): Promise<void> {
  const startedAt = parts.clock.monotonic();
  const { before, kept } = deliveryCount(delivery);
  const deliveries = { before, kept, limit: parts.deliveryLimit };
  const suspicion = parts.suspects.take(deliveries);
  const preparing = beforehand(delivery, deliveries, suspicion) ?? parts.prepare(delivery);
  const prepared = preparing instanceof Promise ? await preparing : preparing;
  const isWork = 'work' in prepared;
  const subject = isWork ? prepared.work : prepared;
  const pause = isWork ? suspicion.pause(parts) : undefined;
  if (pause !== undefined) await pause; // nobody else waits a turn
  const passage = new Passage(parts.logger);
  const outcome = isWork ? await runWork(prepared.work, delivery, { parts, passage }) : prepared.outcome;
  const attempt = attemptFacts(isWork ? prepared.work : prepared.tried, outcome, parts);
  const facts = { attempt, deliveries };
  const wanted = judge(outcome, { live: delivery.live, ...facts });
  const keeping = keepEnd(parts, { prepared, delivery, outcome, wanted });
  const isKept = keeping === true || (await keeping);
  const decided = isKept ? wanted : judge(outcome, { live: delivery.live, ...facts, isKept });
  if (passage.isHeld) await passage.ended({ outcome, verdict: decided });
  const verdict = await settle(decided, delivery, settlingWith(passage, parts));
  passage.settled(verdict);
  suspicion.release();
  prepared.settled?.(verdict);
  const ms = parts.clock.monotonic() - startedAt;
  parts.report.settled({ subject, delivery, outcome, verdict, ms });
}

/** Gates that hold something are told of a confirmed copy before the original is acknowledged. */
function settlingWith(passage: Passage, parts: DispatchParts): SettleParts {
  return passage.isHeld ? { ...parts, copied: (moved: Verdict) => passage.copied(moved) } : parts;
}

interface Ended {
  readonly prepared: Prepared;
  readonly delivery: Delivery;
  readonly outcome: Outcome;
  readonly wanted: Verdict;
}

/** Who waits for the task is told how it ended, also where it never ran; and what follows it is sent. */
function keepEnd(
  parts: DispatchParts,
  { prepared, delivery, outcome, wanted: verdict }: Ended,
): true | Promise<boolean> {
  if (parts.results === undefined && parts.followUps === undefined) return true;
  const message = 'work' in prepared ? prepared.work.message : prepared.message;
  // It was ended before its signature was looked at.
  if (outcome.kind === 'overDelivered' && parts.trusts?.(delivery) === false) return true;
  const target = message === undefined ? resultTargetOf(delivery.properties) : resultTarget(message);
  return target === undefined
    ? true
    : endTask(parts, {
        target,
        message,
        followed: message ?? followedBy(delivery, outcome, parts),
        delivery,
        outcome,
        verdict,
      });
}

/** Reading a body may have ended the worker before: it is tried once more, and never again. */
function followedBy(delivery: Delivery, outcome: Outcome, { followUps, deliveryLimit }: DispatchParts) {
  if (followUps === undefined) return undefined;
  const isBodyRead = outcome.kind !== 'overDelivered' || deliveryCount(delivery).before <= deliveryLimit + 1;
  return followedTask(delivery, { isBodyRead });
}

/** What ends a message before anything of it is read: reading it may be what ends the worker. */
function beforehand(
  { queue, headerError, properties }: Delivery,
  { before, kept, limit }: DeliveryCount & { readonly limit: number },
  { isCrowded }: Suspicion,
): Prepared | undefined {
  if (limit === 0 || headerError !== undefined) return undefined; // with unreadable headers it ends here anyway
  const ending = (outcome: Outcome): Prepared => {
    return { id: properties.messageId ?? properties.correlationId, name: undefined, outcome };
  };
  if (before > limit) return ending({ kind: 'overDelivered', error: overDelivered(queue, before) });
  if (!kept) return ending({ kind: 'uncounted', deliveries: before });
  // Beside another message that may end the process, it would be taken for the culprit.
  return isCrowded ? ending({ kind: 'suspected', deliveries: before }) : undefined;
}

const failures: ReadonlySet<Outcome['kind']> = new Set(['failed', 'timedOut', 'crashed', 'unfetched']);

/** What `judge` has to know of an attempt that failed; undefined of one that did not. */
function attemptFacts(
  work: Tried | undefined,
  outcome: Outcome,
  { clock, logger }: DispatchParts,
): AttemptFacts | undefined {
  if (work === undefined || !failures.has(outcome.kind)) return undefined;
  const { retries, policy, expires } = work;
  const wish = askHandler(work, 'error' in outcome ? outcome.error : undefined, logger);
  return { retries, policy, expires, wish, now: clock.now(), random: clock.random() };
}

/** What the handler's own `retryIf` says; undefined where it has none, or fails itself. */
function askHandler(work: Tried, failure: unknown, logger: Logger): boolean | number | undefined {
  if (isRetry(failure) || isReject(failure)) return undefined; // they say it themselves
  try {
    const wish = work.retryIf?.(failure, work.retries + 1);
    return wish === undefined || typeof wish === 'boolean' ? wish : parseDuration(wish) * 1000;
  } catch (error) {
    // The failure is judged by the policy alone: another attempt is the safer mistake.
    logger.error('retryIf failed, the retry policy decides alone', { name: work.name, id: work.id, error });
    return undefined;
  }
}

function overDelivered(queue: string, deliveries: number): CeleriacError {
  return new CeleriacError('ERR_DELIVERY_LIMIT', {
    message: `It was delivered ${deliveries} times from '${queue}', and no worker came to an end with it.`,
    hint: 'It seems to end the process that runs it: look for crashes, memory and long pauses before you send it again.',
    values: { queue, deliveries },
  });
}
