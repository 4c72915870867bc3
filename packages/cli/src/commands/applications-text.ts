/** What `celeriac applications` prints. Pure. */
import type { ApplicationReport, ApplicationTold } from '@celeriac/core';

import { ago, columns, printable, shortText } from '../text.js';

/** Longer names would push the numbers out of an ordinary terminal. */
const longestName = 40;
const none = '-';

export function applicationLines(all: readonly ApplicationReport[]): readonly string[] {
  if (all.length === 0) return ['no application is registered'];
  const head = ['application', 'lag', 'in hand', 'oldest', 'handlers', ''];
  const rows = columns([head, ...all.map(cells)], new Set([1, 2, 3, 4])).split('\n');
  const details = all.flatMap(({ name, queue, patterns, registeredAt }) => [
    '',
    `${printable(name)}  (queue ${printable(queue)}, since ${printable(registeredAt)})`,
    ...patterns.map((pattern) => `  ${printable(pattern)}`),
  ]);
  return [...rows, ...details];
}

function cells(report: ApplicationReport): readonly string[] {
  const { name, lag, inHand, oldestAge, handlers } = report;
  return [
    shortText(printable(name), longestName),
    lag?.toString() ?? none,
    inHand.toString(),
    oldestAge === undefined ? none : ago(oldestAge * 1000),
    handlers.toString(),
    note(report),
  ];
}

function note({ state, pausedAt, lag = 0, handlers, pausedHandlers }: ApplicationReport): string {
  if (state === 'missing') return 'its queue is not there';
  if (state === 'refused') return 'no permission to look at its queue';
  if (pausedAt !== undefined) {
    const still = handlers - pausedHandlers;
    return `paused since ${printable(pausedAt)}${still > 0 ? `, but ${still} still take events` : ''}`;
  }
  if (pausedHandlers > 0) return `${pausedHandlers} still believe that it is paused`;
  return lag > 0 && handlers === 0 ? 'no event handler answers' : '';
}

/** Seconds as numbers; what is not known is null, so that every key is there. */
export function applicationJson(report: ApplicationReport): Record<string, unknown> {
  const { waiting, lag, oldestAge, pausedAt } = report;
  return {
    ...report,
    pausedAt: pausedAt ?? null,
    waiting: waiting ?? null,
    lag: lag ?? null,
    oldestAge: oldestAge === undefined ? null : Math.round(oldestAge * 1000) / 1000,
  };
}

export function toldText({ name, pausedAt, handlers, pausedHandlers }: ApplicationTold): string {
  const isPaused = pausedAt !== undefined;
  const obeying = isPaused ? pausedHandlers : handlers - pausedHandlers;
  const what = isPaused ? 'is paused: its events wait in its queue' : 'is not paused';
  const others = 'those that do not answer see it when they start or reconnect';
  if (handlers === 0) return `${printable(name)} ${what}; no event handler answered, ${others}`;
  return `${printable(name)} ${what}; ${obeying} of ${handlers} event handlers that answered say so, ${others}`;
}
