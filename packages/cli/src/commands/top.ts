/**
 * `celeriac top`: workers and tasks as a table that is kept up to date, from their events and from what workers answer.
 * With --queues, how full the queues are as well.
 */
import {
  ClusterState,
  type MonitoringEvent,
  openEventReceiver,
  openQueues,
  openRemoteControl,
  systemClock,
} from '@celeriac/core';
import { Command } from 'commander';

import { examples } from '../help.js';
import { showLive } from '../live.js';
import { duration } from '../parse.js';
import { configSource, type ConfigOption } from '../settings.js';
import { watchWaiting } from '../waiting.js';
import { mostRows, taskRows, topLines, type TopView, workerRows } from './top-text.js';
import { askWorkers } from './worker-answers.js';

interface TopOptions extends ConfigOption {
  readonly interval: string;
  readonly once?: boolean;
  readonly enable?: boolean;
  readonly queues?: boolean;
  readonly json?: boolean;
}

export function topCommand(): Command {
  return new Command('top')
    .description('workers and their tasks, live, until Ctrl-C')
    .option('--config <file>', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml')
    .option('--interval <duration>', 'time between two tables', duration('--interval'), '2s')
    .option('--once', 'print one table after one interval, and end')
    .option('--enable', 'have all workers tell of their tasks (control enable_events)')
    .option('--queues', 'how full the queues are, too')
    .option('--json', 'print each table as a line of JSON')
    .addHelpText('after', examples('celeriac top --enable', 'celeriac top --once --json'))
    .action(showTop);
}

async function showTop({ interval, once = false, json = false, ...options }: TopOptions): Promise<void> {
  const config = configSource(options);
  const state = new ClusterState(systemClock);
  const { logger, end } = watchWaiting({ isQuiet: json });
  const onEvent = (event: MonitoringEvent): void => state.hear(event);
  await using _receiver = await openEventReceiver({ config, onEvent, logger });
  await using control = await openRemoteControl({ config });
  await using queues = options.queues === true ? await openQueues({ config }) : undefined;
  // Workers show at once, not after their next heartbeat.
  await control.cast('heartbeat', {});
  if (options.enable === true) await control.cast('enable_events', {});
  end(); // from here on the table says how things are
  const read = async (): Promise<TopView> => {
    const [answers, reports] = await Promise.all([askWorkers(control), queues?.list()]);
    const seen = { workers: state.workers(), tasks: state.tasks(), counts: state.counts };
    return { ...seen, answers, queues: reports, now: systemClock.now() };
  };
  await showLive({ interval, once, json, isGathered: true, read, show: topLines, toJson });
}

function toJson(view: TopView): unknown {
  const { queues } = view;
  const rows = { workers: workerRows(view), tasks: taskRows(view, mostRows) };
  return queues === undefined ? rows : { ...rows, queues };
}
