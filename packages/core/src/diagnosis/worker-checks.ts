/**
 * Looks at the workers that answer, Celery's and ours: that there are any, and whether their clocks agree with ours. Asks
 * them for a heartbeat event, which changes nothing on them.
 */
import type { Clock } from '../clock.js';
import type { OpenedRemoteControl } from '../control/open.js';
import { isCeleriacError } from '../errors.js';
import type { EventReceiver } from '../monitoring/event-receiver.js';
import type { MonitoringEvent } from '../protocol/monitoring-events.js';
import { type Check, ok, skipped } from './check.js';
import { clockCheck } from './clock-skew.js';
import { failure } from './failure.js';

export interface WorkerCheckParts {
  readonly clock: Clock;
  /** How long workers have to answer, milliseconds. */
  readonly waitMs: number;
  readonly openControl: () => Promise<OpenedRemoteControl>;
  readonly openEvents: (onEvent: (event: MonitoringEvent) => void) => Promise<EventReceiver>;
}

/** Never rejects. */
export async function workerChecks(parts: WorkerCheckParts): Promise<readonly Check[]> {
  try {
    await using control = await parts.openControl();
    const asked = parts.clock.monotonic();
    const answers = await control.call('ping', {}, { timeout: parts.waitMs / 1000 });
    const took = parts.clock.monotonic() - asked;
    if (answers.length === 0) return [none(parts.waitMs)];
    const nodes = [...new Set(answers.map(({ node }) => node))].sort();
    const shown = `${nodes.length} ${nodes.length === 1 ? 'answers' : 'answer'}: ${nodes.slice(0, 10).join(', ')}`;
    return [ok('workers', shown), ...(await clocks(control, nodes, { ...parts, took }))];
  } catch (error) {
    if (isCeleriacError(error)) return [failure('workers', error)];
    throw error;
  }
}

function none(waitMs: number): Check {
  return skipped(
    'workers',
    `none answers within ${waitMs / 1000} s`,
    'Start one, or give a longer --timeout; a worker with control off never answers.',
  );
}

async function clocks(
  control: OpenedRemoteControl,
  nodes: readonly string[],
  { clock, waitMs, openEvents }: WorkerCheckParts & { readonly took: number },
): Promise<readonly Check[]> {
  const heard = new Map<string, Check>();
  const all = new AbortController();
  let askedAt = Infinity;
  const hear = ({ hostname, timestamp }: MonitoringEvent): void => {
    const now = clock.now();
    // One that was on its way already says nothing about when it was sent.
    if (!nodes.includes(hostname) || heard.has(hostname) || now < askedAt) return;
    const middle = (askedAt + now) / 2;
    heard.set(hostname, clockCheck(`clock of ${hostname}`, timestamp * 1000 - middle, (now - askedAt) / 2));
    if (heard.size === nodes.length) all.abort();
  };
  await using _events = await openEvents(hear);
  askedAt = clock.now();
  await control.cast('heartbeat', {}, { destination: nodes });
  await clock.sleep(waitMs, all.signal);
  const silent = nodes.filter((node) => !heard.has(node));
  return [
    ...heard.values(),
    ...silent.map((node) => skipped(`clock of ${node}`, 'it sends no events, so its time is not known')),
  ];
}
