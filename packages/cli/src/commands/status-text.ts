/** The table of `celeriac status --watch`: who answers, and who has stopped to. Pure. */
import type { Line, Room } from '../screen.js';
import { ago, columns, printable, shortText } from '../text.js';
import type { WorkerAnswer } from './worker-answers.js';

export interface WorkerStatus {
  readonly worker: string;
  /** Since its last answer, milliseconds; 0 for one that has answered now. */
  readonly silentMs: number;
  readonly active: number;
  readonly concurrency: number | undefined;
  readonly processed: number | undefined;
}

export interface Status {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly workers: readonly WorkerStatus[];
}

/** Workers that have gone for good are forgotten, so that names with a process id in them do not pile up. */
const forgottenMs = 600_000;
const longestName = 40;

/** Remembers who has ever answered. */
export class StatusMemory {
  #seen = new Map<string, { readonly at: number; readonly answer: WorkerAnswer }>();

  hear(answers: readonly WorkerAnswer[], now: number): Status {
    for (const answer of answers) this.#seen.set(answer.node, { at: now, answer });
    for (const [node, { at }] of this.#seen) if (now - at > forgottenMs) this.#seen.delete(node);
    const workers = [...this.#seen.values()]
      .map(({ at, answer: { node, active, concurrency, processed } }) => {
        return { worker: node, silentMs: now - at, active: active.length, concurrency, processed };
      })
      .sort((a, b) => (a.worker < b.worker ? -1 : 1));
    return { now, workers };
  }
}

export function statusLines({ now, workers }: Status, room?: Room): readonly Line[] {
  const answering = workers.filter(({ silentMs }) => silentMs === 0).length;
  const title = `${new Date(now).toISOString()}  ${answering} of ${workers.length} answer`;
  const head: readonly Line[] = [{ text: title, tone: 'faint' }, { text: '' }];
  if (workers.length === 0) return [...head, { text: 'no workers yet', tone: 'faint' }];
  const table = columns([['worker', 'state', 'active', 'of', 'processed'], ...workers.map(cells)], numbers);
  const rows = table.split('\n').map((text, index): Line => {
    if (index === 0) return { text, tone: 'head' };
    return { text, tone: workers[index - 1]?.silentMs === 0 ? 'good' : 'bad' };
  });
  return room === undefined ? [...head, ...rows] : [...head, ...rows].slice(0, room.height);
}

const numbers: ReadonlySet<number> = new Set([2, 3, 4]);

function cells({ worker, silentMs, active, concurrency, processed }: WorkerStatus): readonly string[] {
  const isSilent = silentMs > 0;
  return [
    shortText(printable(worker), longestName),
    isSilent ? `no answer for ${ago(silentMs)}` : 'OK',
    isSilent ? '-' : String(active),
    concurrency?.toString() ?? '-',
    processed?.toString() ?? '-',
  ];
}

/** The answers to a ping, a line a name. Commands to one of two workers of the same name may reach the other. */
export function nodeLines(nodes: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const node of nodes) counts.set(node, (counts.get(node) ?? 0) + 1);
  return [...counts].map(([node, count]) => {
    const doubled =
      count === 1 ? '' : `, from ${count} workers of this name: give each its own (--node-name)`;
    return `${printable(node)}: OK${doubled}`;
  });
}
