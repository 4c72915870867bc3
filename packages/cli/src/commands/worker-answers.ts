/** What workers answer when they are asked what they do: ours and Celery's. */
import type { ControlAnswer, ControlOptions, OpenedRemoteControl } from '@celeriac/core';

/** What one worker answered. */
export interface WorkerAnswer {
  readonly node: string;
  /** Tasks that it says it runs. */
  readonly active: readonly ActiveTask[];
  readonly processed: number | undefined;
  readonly concurrency: number | undefined;
}

export interface ActiveTask {
  readonly id: string;
  readonly name: string;
  readonly args: string;
}

/** As `celeriac inspect` waits by default: nobody knows how many workers there are. */
const answerWait = '1s';

/** A worker that cannot be asked is no reason to stop: its events may still come. */
export async function askWorkers(
  control: OpenedRemoteControl,
  options: ControlOptions = { timeout: answerWait },
): Promise<readonly WorkerAnswer[]> {
  const [active, stats] = await Promise.all([
    control.call('active', { safe: true }, options).catch((): ControlAnswer[] => []),
    control.call('stats', {}, options).catch((): ControlAnswer[] => []),
  ]);
  const figures = new Map(stats.map(({ node, value }) => [node, value]));
  const nodes = new Map(active.map(({ node, value }) => [node, value]));
  for (const node of figures.keys()) if (!nodes.has(node)) nodes.set(node, []);
  return [...nodes].map(([node, value]) => answerOf(node, value, figures.get(node)));
}

function answerOf(node: string, active: unknown, stats: unknown): WorkerAnswer {
  const { total, pool } = mapOf(stats);
  const counts = Object.values(mapOf(total)).filter((one) => typeof one === 'number');
  const concurrency = mapOf(pool)['max-concurrency'];
  return {
    node,
    active: Array.isArray(active) ? active.flatMap(activeTask) : [],
    processed: stats === undefined ? undefined : counts.reduce((sum, count) => sum + count, 0),
    concurrency: typeof concurrency === 'number' ? concurrency : undefined,
  };
}

function activeTask(document: unknown): readonly ActiveTask[] {
  const { id, name, args } = mapOf(document);
  if (typeof id !== 'string' || typeof name !== 'string') return [];
  return [{ id, name, args: typeof args === 'string' ? args : JSON.stringify(args ?? []) }];
}

function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
