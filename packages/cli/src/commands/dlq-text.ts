/** What `celeriac dlq` says about whole queues: a table, and what was done. Pure. */
import type { DeadLetterSummary, PurgeReport, RequeueReport } from '@celeriac/core';

import { ago, columns, printable, shortText } from '../text.js';

export function summaryJson({ oldest, ...summary }: DeadLetterSummary): Record<string, unknown> {
  return { ...summary, ...(oldest === undefined ? {} : { oldest: new Date(oldest).toISOString() }) };
}

export function summaryTable(summaries: readonly DeadLetterSummary[], now: number): string {
  const rows = [['queue', 'messages', 'oldest', 'task or event', 'reason', 'count']];
  for (const summary of summaries) rows.push(...summaryRows(summary, now));
  const table = columns(rows, new Set([1, 5]));
  const partial = summaries.filter(({ messages, read }) => read < messages);
  const notes = partial.map(
    ({ queue, read, messages }) =>
      `${printable(queue)}: the counts are those of the oldest ${read} of ${messages} (--scan)`,
  );
  return [table, ...notes].join('\n');
}

function summaryRows(summary: DeadLetterSummary, now: number): string[][] {
  const { queue, exists, messages, oldest, counts } = summary;
  const head = [
    printable(queue),
    exists ? String(messages) : '-',
    oldest === undefined ? '' : ago(now - oldest),
  ];
  if (counts.length === 0) return [head];
  return counts.map(({ kind, name, reason, count }, index) => [
    ...(index === 0 ? head : ['', '', '']),
    shortText(printable(name ?? (kind === 'other' ? '(unknown)' : `(${kind} without a name)`))),
    shortText(printable(reason)),
    String(count),
  ]);
}

export function requeueText(report: RequeueReport, dryRun: boolean): string {
  const { requeued, queues, doubled, skipped, expiryDropped, signed, unverified, queue } = report;
  const targets = Object.entries(queues).map(([name, count]) => `  ${printable(name)}  ${count}`);
  const lines = [
    `${requeued} ${dryRun ? 'would be put' : 'put'} back from ${printable(queue)}${requeued === 0 ? '' : ' into'}`,
    ...targets,
  ];
  if (expiryDropped > 0)
    lines.push(`${expiryDropped} of them without their expiry, which had passed (--expires)`);
  if (signed > 0) lines.push(`${signed} of them signed anew`);
  if (unverified > 0)
    lines.push(`${unverified} of them as they are: their signature is missing or not right (--vouch)`);
  if (skipped > 0) {
    lines.push(
      `${skipped} left alone: nothing says where they came from (--to), or their headers cannot be read`,
    );
  }
  if (doubled > 0) lines.push(`${doubled} of them still there too: the connection was lost in between`);
  return lines.join('\n');
}

export function purgeText({ queue, purged }: PurgeReport, dryRun: boolean): string {
  return `${purged} ${dryRun ? 'would be thrown' : 'thrown'} away from ${printable(queue)}`;
}
