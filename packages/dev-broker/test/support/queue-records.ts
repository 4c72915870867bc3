/** A journal with one queue, and what happens to its messages: told as the engine would tell it. */
import type { DataJournal } from '../../dist/journal/data-journal.js';
import { entry } from './messages.js';

export function declare(journal: DataJournal): void {
  const queue = { name: 'q', autoDelete: false, arguments: {} };
  journal.append({ kind: 'queue declared', vhost: '/', id: 1, queue });
}

export function add(journal: DataJournal, ...positions: number[]): void {
  for (const position of positions) {
    journal.append({ kind: 'added', id: 1, entry: entry(position, { body: `message ${position}` }) });
  }
}

export function remove(journal: DataJournal, ...positions: number[]): void {
  for (const position of positions) journal.append({ kind: 'removed', id: 1, position });
}

export function positions(journal: DataJournal): number[] {
  return [...(journal.state.vhost('/').queues.get('q')?.entries.keys() ?? [])];
}
