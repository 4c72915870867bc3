/**
 * Carries out a verdict: the only code that acknowledges, returns, moves or dead-letters a delivery. What goes
 * elsewhere is published with a confirm before the original is acknowledged, so that no crash in between loses it: at
 * worst it is there twice. Decides nothing. Never throws.
 */
import {
  backoffMs,
  type Delivery,
  isCeleriacError,
  type Logger,
  type MessageSink,
  type Verdict,
} from '@celeriac/core';

import { type Move, moveFor, type MoveParts } from './moves.js';

export interface SettleParts extends MoveParts {
  readonly sink: MessageSink;
  readonly logger: Logger;
  /** Fires when the process must not wait any longer. */
  readonly halted: AbortSignal;
  /** Waited for between the confirm of a copy and the acknowledgement of the original. Never rejects. */
  readonly copied?: (verdict: Verdict) => Promise<void>;
}

const firstPauseMs = 200;
const longestPauseMs = 10_000;

/** While the worker stops, and its connections are closed two seconds later. */
const inPassing = { timeoutMs: 1_000 };
const giveBack = { kind: 'requeue', countsAsFailure: false } as const;
const abandon: Verdict = { kind: 'abandon' };

/** Resolves with what was carried out, which is another verdict where the first one could not be. */
export async function settle(verdict: Verdict, delivery: Delivery, parts: SettleParts): Promise<Verdict> {
  switch (verdict.kind) {
    case 'ack':
      delivery.ack();
      return verdict;
    case 'requeue':
      delivery.requeue(verdict.countsAsFailure);
      return verdict;
    case 'abandon':
      return verdict;
    case 'deadLetter':
    case 'retry':
    case 'continue':
    case 'postpone':
    case 'recount':
      return carryOut(moveFor(verdict, delivery, parts), delivery, parts);
  }
}

/**
 * Holds the delivery until its copy is confirmed: returning it instead would deliver it again at once, for ever.
 * Gives up only when the channel is gone or the process halts; the broker then redelivers it to someone else.
 */
async function carryOut(first: Move, delivery: Delivery, parts: SettleParts): Promise<Verdict> {
  const { sink, clock, logger, halted } = parts;
  let move = first;
  const isInPassing = (): boolean => move.inPassing === true || (move.isWorthATry === true && halted.aborted);
  const mayTry = (attempt: number): boolean => !halted.aborted || (isInPassing() && attempt === 0);
  for (let attempt = 0; delivery.live && mayTry(attempt); attempt++) {
    let isWritten = false;
    try {
      const message = move.message();
      isWritten = true;
      if (message === undefined) {
        delivery.requeue(giveBack.countsAsFailure);
        return giveBack;
      }
      await sink.publish(message, { anySize: true, ...(isInPassing() ? inPassing : {}) });
      await parts.copied?.(move.verdict);
      delivery.ack();
      return move.verdict;
    } catch (error) {
      move.failed();
      if (isInPassing()) {
        delivery.requeue(giveBack.countsAsFailure);
        return giveBack;
      }
      logger.error(`cannot ${move.doing}, holding the message and trying on`, {
        queue: delivery.queue,
        id: delivery.properties.messageId ?? delivery.properties.correlationId,
        error,
      });
      if (!isWritten || isCeleriacError(error, 'ERR_NOT_SERIALIZABLE')) move = move.otherwise(error);
      const random = (): number => clock.random();
      const backoff = { firstMs: firstPauseMs, longestMs: longestPauseMs, random };
      await clock.sleep(backoffMs(attempt + 1, backoff), halted);
    }
  }
  return abandon;
}
