/**
 * What became of a task, asked of everybody who may know: where results are kept, workers, dead-letter queues, and, where
 * that is wanted, queues in which it may wait. Says as well who was asked and did not know. Changes nothing.
 */
import type { OpenedRemoteControl } from '../control/open.js';
import type { DeadLetters } from '../dead-letters/dead-letters.js';
import { errorText } from '../errors.js';
import type { Queues } from '../queues/queues.js';
import type { ResultStore } from '../results/result-store.js';
import type { Answer, Source, TaskPlace } from './explanation.js';
import { ofControl, ofLetter, ofResult, ofWaiting } from './evidence.js';

export interface ExplainParts {
  readonly control: OpenedRemoteControl;
  readonly deadLetters: DeadLetters;
  readonly queues: Queues;
  /** Absent where results are not kept, or come back to the sender only. */
  readonly results: Pick<ResultStore, 'read'> | undefined;
  /** How long workers have to answer, seconds. */
  readonly workers: number;
  /** So many messages of each queue are looked at; 0 looks into none. */
  readonly search: number;
}

export interface Explanation {
  readonly id: string;
  /** The likeliest first; empty where nobody knows of it. */
  readonly places: readonly TaskPlace[];
  readonly asked: readonly Answer[];
}

/** Never rejects for a source that cannot be asked: that is told as its answer. */
export async function explain(id: string, parts: ExplainParts): Promise<Explanation> {
  const asked: Answer[] = [];
  const sources: readonly (readonly [Source, () => Promise<Found>])[] = [
    ['workers', () => askWorkers(id, parts)],
    ['results', () => askResults(id, parts)],
    ['dead letters', () => askDeadLetters(id, parts)],
    ['queues', () => askQueues(id, parts)],
  ];
  const places: TaskPlace[] = [];
  for (const [source, ask] of sources) {
    try {
      const { said, found } = await ask();
      asked.push({ source, said, hasFailed: false });
      places.push(...found);
    } catch (error) {
      asked.push({ source, said: errorText(error), hasFailed: true });
    }
  }
  return { id, places, asked };
}

interface Found {
  readonly said: string;
  readonly found: readonly TaskPlace[];
}

async function askWorkers(id: string, { control, workers }: ExplainParts): Promise<Found> {
  const timeout = workers;
  const answers = await control.call('query_task', { ids: [id] }, { timeout });
  const revoked = await control.call('revoked', {}, { timeout });
  const found = ofControl(id, { answers, revoked });
  const count = answers.length;
  if (count === 0) return { said: 'none answers', found };
  const whom = count === 1 ? 'the one that answers' : `the ${count} that answer`;
  return { said: found.length === 0 ? `not with ${whom}` : `known to ${whom}`, found };
}

async function askResults(id: string, { results }: ExplainParts): Promise<Found> {
  if (results === undefined)
    return { said: 'not kept where they can be asked for (tasks.result_backend: redis://…)', found: [] };
  const record = await results.read(id);
  return record === undefined
    ? { said: 'none yet, or none is kept any more', found: [] }
    : { said: `state ${record.status}`, found: [ofResult(record)] };
}

async function askDeadLetters(id: string, { deadLetters }: ExplainParts): Promise<Found> {
  const summaries = (await deadLetters.list(undefined, { scan: 0 })).filter(({ messages }) => messages > 0);
  for (const { queue, deadLetterQueue } of summaries) {
    for await (const letter of deadLetters.read(queue, { id, limit: 1 }))
      return { said: `in ${deadLetterQueue}`, found: [ofLetter(letter, deadLetterQueue)] };
  }
  const where = summaries.map(({ deadLetterQueue, messages }) => `${deadLetterQueue} (${messages})`);
  return { said: where.length === 0 ? 'there are none' : `not in ${where.join(', ')}`, found: [] };
}

async function askQueues(id: string, { queues, search }: ExplainParts): Promise<Found> {
  const all = (await queues.list()).filter(
    ({ purpose, messages = 0 }) => purpose !== 'dead-letter' && messages > 0,
  );
  const where = all.map(({ queue, messages }) => `${queue} (${messages ?? 0})`).join(', ');
  if (all.length === 0) return { said: 'nothing waits in them', found: [] };
  if (search === 0) return { said: `not looked into: ${where}`, found: [] };
  for (const { queue, purpose } of all) {
    const message = await queues.find(queue, id, { most: search });
    if (message !== undefined)
      return { said: `in ${queue}`, found: [ofWaiting(message, { queue, purpose })] };
  }
  return { said: `not among the first ${search} of ${where}`, found: [] };
}
