/**
 * `celeriac top`: workers and tasks as a table that is kept up to date, from their events and from what workers answer.
 * On a terminal it is drawn anew in place; elsewhere one table follows the other.
 */
import {
  ClusterState,
  type ControlAnswer,
  type OpenedRemoteControl,
  openEventReceiver,
  openRemoteControl,
  parseDuration,
  systemClock,
} from '@celeriac/core';
import { Command } from 'commander';

import { examples } from '../help.js';
import { print } from '../output.js';
import { duration } from '../parse.js';
import { configSource, type ConfigOption } from '../settings.js';
import { untilSignal } from '../until-signal.js';
import {
  type ActiveTask,
  taskRows,
  topText,
  type TopView,
  type WorkerAnswer,
  workerRows,
} from './top-text.js';

interface TopOptions extends ConfigOption {
  readonly interval: string;
  readonly once?: boolean;
  readonly enable?: boolean;
  readonly json?: boolean;
}

export function topCommand(): Command {
  return new Command('top')
    .description('workers and their tasks, live, until Ctrl-C')
    .option('--config <file>', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml')
    .option('--interval <duration>', 'time between two tables', duration('--interval'), '2s')
    .option('--once', 'print one table after one interval, and end')
    .option('--enable', 'have all workers tell of their tasks (control enable_events)')
    .option('--json', 'print each table as a line of JSON')
    .addHelpText('after', examples('celeriac top --enable', 'celeriac top --once --json'))
    .action(showTop);
}

/** As `celeriac inspect` waits by default: nobody knows how many workers there are. */
const answerWait = '1s';
const enterScreen = '\u001b[?1049h\u001b[?25l';
const leaveScreen = '\u001b[?25h\u001b[?1049l';

async function showTop(options: TopOptions): Promise<void> {
  const config = configSource(options);
  const ended = new AbortController();
  void untilSignal().then(() => ended.abort());
  const state = new ClusterState(systemClock);
  await using _receiver = await openEventReceiver({ config, onEvent: (event) => state.hear(event) });
  await using control = await openRemoteControl({ config });
  // Workers show at once, not after their next heartbeat.
  await control.cast('heartbeat', {});
  if (options.enable === true) await control.cast('enable_events', {});
  const inPlace = process.stdout.isTTY && options.once !== true && options.json !== true;
  if (inPlace) process.stdout.write(enterScreen);
  try {
    await drawAll(options, { state, control, inPlace, ended: ended.signal });
  } finally {
    if (inPlace) process.stdout.write(leaveScreen);
  }
}

interface TopParts {
  readonly state: ClusterState;
  readonly control: OpenedRemoteControl;
  readonly inPlace: boolean;
  readonly ended: AbortSignal;
}

async function drawAll({ interval, once = false, json = false }: TopOptions, parts: TopParts): Promise<void> {
  const { state, control, inPlace, ended } = parts;
  const ms = parseDuration(interval) * 1000;
  do {
    const [answers] = await Promise.all([ask(control), systemClock.sleep(ms, ended)]);
    if (ended.aborted) return;
    const most = inPlace ? Math.max(1, process.stdout.rows - state.workers().length - 6) : mostRows;
    const view: TopView = {
      workers: state.workers(),
      tasks: state.tasks(),
      counts: state.counts,
      answers,
      now: systemClock.now(),
      most,
    };
    if (json) print(JSON.stringify({ workers: workerRows(view), tasks: taskRows(view) }));
    else if (inPlace) redraw(topText(view));
    else print(topText(view));
  } while (!once);
}

/** Of a table that is not cut to a screen. */
const mostRows = 50;

/** Line by line over what was there: an emptied screen would flicker. */
function redraw(text: string): void {
  const { columns: width, rows } = process.stdout;
  const lines = text.split('\n').slice(0, Math.max(1, rows - 1));
  const drawn = lines.map((line) => `${line.slice(0, width)}\u001b[K`).join('\n');
  process.stdout.write(`\u001b[H${drawn}\u001b[J`);
}

/** A worker that cannot be asked is no reason to stop: its events may still come. */
async function ask(control: OpenedRemoteControl): Promise<readonly WorkerAnswer[]> {
  const options = { timeout: answerWait };
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
