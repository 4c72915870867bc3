/**
 * When a task under a rate limit may start: GCRA as virtual scheduling (ITU-T I.371, annex A), with reservation. Whoever
 * comes too soon is told its turn and comes back then; whoever comes back is a second late or so, since delays are
 * whole seconds, and that lateness is the "cell delay variation tolerance" of the original. Pure.
 */
import type { RateLimit } from './limit-options.js';

/** How late one may come back without being asked to wait again, milliseconds. */
export const slackMs = 1_500;

/** From this period on the pace is slowed by the slack, so that no period ever has more than it may. */
const strictFromMs = 30_000;

export interface Pace {
  /** Between two starts. */
  readonly intervalMs: number;
  /** How far ahead of the pace a burst may be. */
  readonly burstMs: number;
}

/** What is known of a key. Milliseconds of one clock; 0 is long ago. */
export interface Lane {
  /** When the next one would start if all kept the pace: the theoretical arrival time. Only starts move it. */
  readonly next: number;
  /** The first turn that is not given away. */
  readonly turn: number;
  /** The same for those that came back and found their turn taken. */
  readonly again: number;
}

export const newLane: Lane = { next: 0, turn: 0, again: 0 };

export interface Turn {
  readonly lane: Lane;
  /** 0: it starts. Else it has a turn after that long. */
  readonly waitMs: number;
}

/**
 * For periods of 30 s and more at most `limit + burst - 1` start in any period. For shorter ones up to what is due in
 * the slack more: slowing those as much would cost too large a part of them.
 */
export function paceOf({ limit, periodMs, burst }: RateLimit): Pace {
  const intervalMs = (periodMs + (periodMs >= strictFromMs ? slackMs : 0)) / limit;
  return { intervalMs, burstMs: (burst - 1) * intervalMs };
}

export interface Asker {
  /** It was told a turn before, or was held back by another limit. */
  readonly isReturning: boolean;
  /**
   * Milliseconds until it expires. A turn beyond that is told, and not taken: else a burst of tasks that expire soon
   * would take the turns of hours, and nothing would start in them. Default: it never does.
   */
  readonly withinMs?: number | undefined;
}

export function takeTurn(
  lane: Lane,
  pace: Pace,
  { now, isReturning, withinMs = Infinity }: Asker & { readonly now: number },
): Turn {
  const { intervalMs, burstMs } = pace;
  const free = lane.next - burstMs;
  // A newcomer does not overtake those who were told a turn.
  const mayStart = isReturning ? now >= free - slackMs : now >= free && now >= lane.turn;
  if (mayStart) return { lane: { ...lane, next: Math.max(lane.next, now) + intervalMs }, waitMs: 0 };
  const at = Math.max(now, free, isReturning ? lane.again : lane.turn);
  const waitMs = Math.max(1, at - now);
  if (waitMs >= withinMs) return { lane, waitMs };
  const taken = at + intervalMs;
  return { lane: { ...lane, ...(isReturning ? { again: taken } : { turn: taken }) }, waitMs };
}

/** True when forgetting it changes nothing. */
export function isIdleLane({ next, turn, again }: Lane, now: number): boolean {
  return Math.max(next, turn, again) <= now;
}
