/**
 * `celeriac dev`: the embedded broker, a worker and beat in one command. The worker is a process of its own that is
 * started again when its sources change; the broker stays, so that nothing in a queue is lost by that.
 */
import { fileURLToPath } from 'node:url';

import {
  announceDevelopmentBroker,
  isCeleriacError,
  type LogLevel,
  type PoolKind,
  systemClock,
} from '@celeriac/core';
import type { DevBroker } from '@celeriac/dev-broker';
import { Command } from 'commander';

import { DevNotices } from '../dev/notices.js';
import { devModules, directoriesOf } from '../dev/modules.js';
import { SupervisedWorker } from '../dev/supervised-worker.js';
import { SourceWatch } from '../dev/watch.js';
import { exitCodes } from '../exit-codes.js';
import { examples } from '../help.js';
import { collect, oneOf, wholeNumber } from '../parse.js';
import { configSource, settings } from '../settings.js';
import { untilSignal } from '../until-signal.js';
import { shownUrl, startEmbedded, usualPort } from './broker.js';

interface DevOptions {
  readonly config?: string;
  readonly port?: number;
  readonly data?: string;
  readonly import: readonly string[];
  readonly beat: boolean;
  readonly watch: boolean;
  readonly concurrency?: number;
  readonly pool?: PoolKind;
  readonly logLevel?: LogLevel | 'silent';
  readonly json?: boolean;
}

const levels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
const pools = ['inline', 'threads', 'processes'] as const;

export function devCommand(finish: (code: number) => void): Command {
  return new Command('dev')
    .description('broker, worker and beat in one command, for development; the worker restarts on changes')
    .argument('[modules...]', 'export register(worker); default the first of dist/src/tasks.js, tasks.js, …')
    .option('--config <file>', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml')
    .option(
      '--port <number>',
      `of the broker; default ${usualPort}, else a free one`,
      wholeNumber('--port', 0, 65_535),
    )
    .option('--data <directory>', 'the broker keeps durable queues and persistent messages there')
    .option('--import <module>', 'Node.js loads it first, as in --import tsx; may be repeated', collect, [])
    .option('--no-beat', 'without beat, where there are schedules')
    .option('--no-watch', 'without restarts')
    .option('-c, --concurrency <count>', 'how many tasks run at once', wholeNumber('--concurrency', 1))
    .option('-P, --pool <kind>', 'where tasks run: inline, threads or processes', oneOf('--pool', pools))
    .option('--log-level <level>', 'debug, info, warn, error or silent', oneOf('--log-level', levels))
    .option('--json', 'log as JSON, and print the error as JSON')
    .addHelpText('after', examples('celeriac dev ./tasks.js', 'celeriac dev --import tsx src/tasks.ts'))
    .action(async (modules: string[], options: DevOptions) => finish(await runDev(modules, options)));
}

async function runDev(named: readonly string[], options: DevOptions): Promise<number> {
  const modules = devModules({ named, imports: options.import });
  const config = await settings(options); // what is wrong with it is told before anything starts
  const notices = new DevNotices(options.json === true);
  const broker = await startBroker(options);
  const url = shownUrl(broker, false);
  const note = await announceDevelopmentBroker({ pid: process.pid, port: broker.port, url }, process.env);
  const hasOwn = config.tasks.connection_string !== config.events.connection_string;
  const env = { ...process.env, ...addresses(url, hasOwn) };
  const worker = new SupervisedWorker({
    ...{ args: workerArgs(modules, options), env, clock: systemClock },
    ended: (how) => notices.ended(how, options.watch),
    overdue: () => notices.overdue(),
  });
  using watching = options.watch ? watchSources(modules, { options, worker, notices }) : undefined;
  try {
    notices.begun({
      url,
      port: broker.port,
      data: broker.data,
      isFound: note.isFound,
      watched: watching?.size,
    });
    worker.start();
    await untilSignal();
    return await end(worker, notices);
  } finally {
    await note.withdraw();
    await broker.stop();
  }
}

/** A second signal does not wait for the worker. */
async function end(worker: SupervisedWorker, notices: DevNotices): Promise<number> {
  notices.ending();
  const stopped = worker.stop().then(() => false);
  const forced = untilSignal().then(() => true);
  const isForced = await Promise.race([stopped, forced]);
  if (isForced) worker.kill();
  await stopped;
  return isForced ? exitCodes.notDrained : exitCodes.done;
}

/** The port where AMQP clients look, if it is free: so Python finds it too. One that was asked for is meant. */
async function startBroker({ port, data }: DevOptions): Promise<DevBroker> {
  const options = { host: '127.0.0.1', user: [], vhost: [], ...(data === undefined ? {} : { data }) };
  try {
    return await startEmbedded({ ...options, port: port ?? usualPort });
  } catch (error) {
    if (port !== undefined || !isCeleriacError(error, 'ERR_PORT_TAKEN')) throw error;
    return startEmbedded({ ...options, port: 0 });
  }
}

/** A section with a connection string of its own is told of the broker as well. */
function addresses(url: string, hasOwn: boolean): Record<string, string> {
  const variable = 'CELERIAC_EVENTS__CONNECTION_STRING';
  return { [variable]: url, ...(hasOwn ? { CELERIAC_TASKS__CONNECTION_STRING: url } : {}) };
}

function workerArgs(modules: readonly string[], options: DevOptions): readonly string[] {
  const main = fileURLToPath(new URL('../main.js', import.meta.url));
  const { config, beat, concurrency, pool, logLevel, json } = options;
  return [
    ...options.import.flatMap((module) => ['--import', module]),
    ...[main, 'worker'],
    ...modules.flatMap((module) => ['--require', module]),
    ...(beat ? ['--beat-if-scheduled'] : []),
    ...(config === undefined ? [] : ['--config', config]),
    ...(concurrency === undefined ? [] : ['--concurrency', String(concurrency)]),
    ...(pool === undefined ? [] : ['--pool', pool]),
    ...(logLevel === undefined ? [] : ['--log-level', logLevel]),
    ...(json === true ? ['--json'] : ['--log-format', 'text']),
  ];
}

interface WatchParts {
  readonly options: DevOptions;
  readonly worker: SupervisedWorker;
  readonly notices: DevNotices;
}

function watchSources(modules: readonly string[], { options, worker, notices }: WatchParts): SourceWatch {
  const config = configSource(options);
  return new SourceWatch({
    directories: directoriesOf(modules),
    files: typeof config === 'string' ? [config] : [],
    changed: (paths) => {
      notices.changed(paths);
      void worker.restart();
    },
    failed: (error) => notices.unwatched(error),
    clock: systemClock,
  });
}
