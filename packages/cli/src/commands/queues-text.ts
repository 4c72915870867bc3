/** The table of `celeriac queues`. Pure. */
import type { QueueReport } from '@celeriac/core';

import type { Line, Room } from '../screen.js';
import { columns, printable, shortText } from '../text.js';

/** Longer names would push the numbers out of an ordinary terminal. */
const longestName = 40;

interface QueuesView {
  readonly reports: readonly QueueReport[];
  /** Empty delay queues too. */
  readonly isAll: boolean;
}

/** Delay queues are many, and only those with messages say something. */
function shownQueues({ reports, isAll }: QueuesView): readonly QueueReport[] {
  return isAll ? reports : reports.filter(({ purpose, messages }) => purpose !== 'delay' || messages !== 0);
}

export function queueLines(view: QueuesView, room?: Room): readonly Line[] {
  const shown = shownQueues(view);
  if (shown.length === 0) return [{ text: 'no queues' }];
  const head = ['queue', 'purpose', 'messages', 'consumers', 'type', ''];
  const table = columns([head, ...shown.map(cells)], new Set([2, 3])).split('\n');
  const rows = table.slice(1).map((text, index) => lineOf(text, shown[index] as QueueReport));
  const all = [{ text: table[0] ?? '', tone: 'head' } as const, ...rows];
  return room === undefined || all.length <= room.height ? all : cutTo(all, room.height);
}

function cells({ queue, purpose, state, messages, consumers, type }: QueueReport): readonly string[] {
  return [
    shortText(printable(queue), longestName),
    purpose,
    messages?.toString() ?? '-',
    consumers?.toString() ?? '-',
    type ?? '-',
    note({ state, purpose, messages, consumers }),
  ];
}

function note({
  state,
  purpose,
  messages = 0,
  consumers,
}: Pick<QueueReport, 'state' | 'purpose' | 'messages' | 'consumers'>): string {
  if (state === 'missing') return 'not there';
  if (state === 'refused') return 'no permission, or of another connection';
  const isConsumed = purpose === 'task' || purpose === 'application';
  return isConsumed && messages > 0 && consumers === 0 ? 'nobody consumes it' : '';
}

function lineOf(text: string, report: QueueReport): Line {
  if (report.state !== 'exists') return { text, tone: 'faint' };
  const isBad = (report.purpose === 'dead-letter' && report.messages !== 0) || note(report) !== '';
  return isBad ? { text, tone: 'bad' } : { text };
}

function cutTo(all: readonly Line[], height: number): readonly Line[] {
  const kept = all.slice(0, Math.max(1, height - 1));
  return [...kept, { text: `… and ${all.length - kept.length} more`, tone: 'faint' }];
}
