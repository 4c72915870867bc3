/**
 * `celeriac worker`: loads the modules that register handlers, then runs until it is told to stop. Checks
 * everything it can before it connects.
 */
import {
  createLogger,
  type ConfigInput,
  type Logger,
  type LogLevel,
  type PoolKind,
  type RemoteControlLevel,
} from '@celeriac/core';
import type { Worker, WorkerDescription } from '@celeriac/worker';
import { Command, Option } from 'commander';

import { UsageError } from '../exit-codes.js';
import { registerModule, registerSchedules } from '../handler-modules.js';
import { examples } from '../help.js';
import { print } from '../output.js';
import { collect, duration, oneOf, queueNames, wholeNumber } from '../parse.js';
import { configSource, settings } from '../settings.js';
import { version } from '../version.js';

interface WorkerOptions {
  readonly config?: string;
  readonly require: readonly string[];
  readonly queues?: readonly string[];
  readonly concurrency?: number;
  readonly pool?: PoolKind;
  readonly timeLimit?: string;
  readonly softTimeLimit?: string;
  readonly maxTasksPerChild?: number;
  readonly beat?: boolean;
  readonly beatIfScheduled?: boolean;
  readonly service?: string;
  readonly nodeName?: string;
  readonly remoteControl?: RemoteControlLevel;
  readonly taskEvents?: boolean;
  readonly logLevel?: LogLevel | 'silent';
  readonly logFormat?: 'auto' | 'text' | 'json';
  readonly json?: boolean;
}

export function workerCommand(finish: (code: number) => void): Command {
  return (
    new Command('worker')
      .description('run the task and event handlers that modules register')
      .option('--config <file>', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml')
      .option('-r, --require <module>', 'exports register(worker); may be repeated', collect, [])
      .option('-Q, --queues <names>', 'consume these task queues only, separated by commas', queueNames)
      .option('-c, --concurrency <count>', 'how many tasks run at once', wholeNumber('--concurrency', 1))
      .option('-P, --pool <kind>', 'where tasks run: inline, threads or processes', oneOf('--pool', pools))
      .option('--time-limit <time>', 'hard limit: ends the thread or process', duration('--time-limit'))
      .option('--soft-time-limit <time>', "aborts the task's signal", duration('--soft-time-limit'))
      .option('--max-tasks-per-child <count>', 'then it is replaced', wholeNumber('--max-tasks-per-child', 1))
      .option('-B, --beat', 'run beat as well; modules may export schedule(beat)')
      // For dev: a beat without schedules would say so at every start.
      .addOption(new Option('--beat-if-scheduled').hideHelp())
      .option('--service <name>', 'name of this service, part of the connection names')
      .option(
        '-n, --node-name <name>',
        'name of this worker in remote control; %h is the host, %p the process id',
      )
      .option('--remote-control <level>', 'off, read or full', oneOf('--remote-control', controlLevels))
      .option('-E, --task-events', 'tell monitors of every task, from the start')
      .option('--log-level <level>', 'debug, info, warn, error or silent', oneOf('--log-level', levels))
      .option('--log-format <format>', 'auto, text or json', oneOf('--log-format', formats))
      .option('--json', 'log as JSON, and print the error as JSON')
      .addHelpText(
        'after',
        examples('celeriac worker --require ./tasks.js', 'celeriac worker -r ./tasks.js -Q billing -c 20'),
      )
      .action(async (options: WorkerOptions) => finish(await runWorker(options)))
  );
}

const levels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
const pools = ['inline', 'threads', 'processes'] as const;
const controlLevels = ['off', 'read', 'full'] as const;
const formats = ['auto', 'text', 'json'] as const;

async function runWorker(options: WorkerOptions): Promise<number> {
  if (options.require.length === 0) {
    throw new UsageError('worker needs --require, a module that registers handlers: --require ./tasks.js');
  }
  const overrides = overridesOf(options);
  const config = await settings(options, overrides);
  const { logging } = config;
  const format = logging.format === 'auto' ? (process.stderr.isTTY ? 'text' : 'json') : logging.format;
  const logger = createLogger({ level: logging.level, format });
  const { createWorker } = await import('@celeriac/worker');
  const worker = createWorker({
    config: configSource(options),
    overrides,
    logger,
    ...given({ queues: options.queues }),
  });
  for (const module of options.require) await registerModule(module, worker);
  worker.on('ready', (description) => announce(description, { format, logger }));
  const { beat = false, beatIfScheduled = false } = options;
  const hasSchedules = beat || Object.keys(config.beat.schedules).length > 0;
  return beat || beatIfScheduled ? runWithBeat(worker, options, { logger, hasSchedules }) : worker.run();
}

/** Beat starts before the worker: what is wrong with it ends both before a task is taken. */
async function runWithBeat(
  worker: Worker,
  options: WorkerOptions,
  { logger, hasSchedules }: { readonly logger: Logger; readonly hasSchedules: boolean },
): Promise<number> {
  const { createBeat } = await import('@celeriac/worker');
  const beat = createBeat({ config: configSource(options), overrides: overridesOf(options), logger });
  let isScheduled = hasSchedules;
  for (const module of options.require)
    if (await registerSchedules(module, beat, { isOptional: true })) isScheduled = true;
  if (!isScheduled) return worker.run();
  const stop = (): void => void beat.stop(); // at once: the worker may drain for long
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop);
  try {
    await beat.start();
    return await worker.run();
  } finally {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, stop);
    await beat.stop();
  }
}

function overridesOf(options: WorkerOptions): ConfigInput {
  const { service, logLevel: level } = options;
  const format = options.json === true ? 'json' : options.logFormat;
  const { nodeName, remoteControl, taskEvents } = options;
  const { queues, concurrency, pool, timeLimit, softTimeLimit, maxTasksPerChild } = options;
  return {
    ...given({ service }),
    task_handler: given({
      queues,
      concurrency,
      pool,
      hard_time_limit: timeLimit,
      soft_time_limit: softTimeLimit,
      max_tasks_per_child: maxTasksPerChild,
      node_name: nodeName,
      remote_control: remoteControl,
      send_events: taskEvents,
    }),
    logging: given({ level, format }),
  };
}

/** Without what was not given: it would hide what the file says. */
function given<Values extends object>(values: Values): Partial<Values> {
  const set = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(set) as Partial<Values>;
}

/** What the worker does, once it does it. */
function announce(
  description: WorkerDescription,
  { format, logger }: { format: string; logger: Logger },
): void {
  if (format === 'json') {
    logger.info('ready', { version, ...description });
    return;
  }
  const { service, brokers, pools: groups, tasks, applications } = description;
  const lines = [
    `celeriac ${version} · ${service}`,
    `  broker        ${brokers.join(', ')}`,
    ...groups.map(
      ({ kind, queues, concurrency }, index) =>
        `  ${index === 0 ? 'queues' : '      '}        ${queues.join(', ')} (${kind === 'inline' ? '' : `${kind}, `}concurrency ${concurrency})`,
    ),
    ...tasks.map((task, index) => `  ${index === 0 ? 'tasks ' : '      '}        ${task}`),
    ...applications.map(
      ({ name, queue, patterns, prefetch }, index) =>
        `  ${index === 0 ? 'applications' : '            '}  ${name} ← ${patterns.join(', ')} (queue ${queue}, ${prefetch} at once)`,
    ),
    'ready, press Ctrl-C to stop',
  ];
  print(lines.join('\n'));
}
