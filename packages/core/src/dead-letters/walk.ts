/**
 * Walks through a dead-letter queue from its oldest message on, as far as it reached when the walk began. Those that
 * nobody took are given back at the end. Decides about no message.
 */
import { type HeldMessage, QueueVisit, type VisitOptions } from '../amqp/queue-visit.js';
import { compileFilter, type DeadLetterFilter } from './filter.js';
import { type DeadLetter, readLetter } from './letter.js';

export interface WalkOptions extends VisitOptions {
  readonly filter: DeadLetterFilter;
  /** Awaited before messages are given back: what is being done with those in hand. */
  readonly settled?: () => Promise<unknown>;
  /** Messages are held no longer than this; the walk then goes on where it was. */
  readonly holdMs?: number;
  /** After every message that was read. Not awaited. Must not throw. */
  readonly told?: ((progress: Readonly<Progress>) => void) | undefined;
}

/** How far a walk has come. */
export interface Progress {
  read: number;
  matched: number;
}

/** A dead letter in hand. */
export interface InHand {
  readonly letter: DeadLetter;
  /** Takes it out of the queue. False when it is not in hand any more: the queue has it. */
  readonly take: () => boolean;
}

/** RabbitMQ closes the channel of a client that holds a message for half an hour. */
const longestHoldMs = 10 * 60_000;

/** Those that the filter names; `progress` counts the others too. */
export async function* walk(
  options: WalkOptions,
  progress: Progress = { read: 0, matched: 0 },
): AsyncGenerator<InHand, void, undefined> {
  const { filter, clock, queue, told } = options;
  const { limit = Infinity } = filter;
  const fits = compileFilter(filter, clock.now());
  if (limit <= 0) return;
  for await (const held of everything(options)) {
    progress.read++;
    const letter = readLetter(held, queue);
    const isMatch = fits(letter);
    if (isMatch) progress.matched++;
    told?.(progress);
    if (!isMatch) continue;
    yield { letter, take: held.take };
    if (progress.matched >= limit) return;
  }
}

async function* everything(options: WalkOptions): AsyncGenerator<HeldMessage, void, undefined> {
  const { clock, holdMs = longestHoldMs, settled } = options;
  let visit = await QueueVisit.open(options);
  let left = visit.count;
  let hasFailed = false;
  try {
    for (; left > 0; left--) {
      if (clock.monotonic() - visit.openedAt > holdMs) {
        await settled?.();
        visit = await visit.again();
      }
      const held = await visit.next();
      if (held === undefined) return;
      yield held;
    }
  } catch (error) {
    hasFailed = true;
    throw error;
  } finally {
    await settled?.();
    await visit.end({ quietly: hasFailed });
  }
}
