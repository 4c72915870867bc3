/**
 * `celeriac worker`: loads the modules that register handlers, then runs until it is told to stop. Checks
 * everything it can before it connects.
 */
import { createLogger, type ConfigInput, type Logger, type LogLevel } from '@celeriac/core';
import type { WorkerDescription } from '@celeriac/worker';
import { Command } from 'commander';

import { UsageError } from '../exit-codes.js';
import { registerModule } from '../handler-modules.js';
import { print } from '../output.js';
import { collect, oneOf, queueNames, wholeNumber } from '../parse.js';
import { configSource, settings } from '../settings.js';
import { version } from '../version.js';

interface WorkerOptions {
  readonly config?: string;
  readonly require: readonly string[];
  readonly queues?: readonly string[];
  readonly concurrency?: number;
  readonly service?: string;
  readonly logLevel?: LogLevel | 'silent';
  readonly logFormat?: 'auto' | 'text' | 'json';
}

export function workerCommand(finish: (code: number) => void): Command {
  return new Command('worker')
    .description('run the task and event handlers that modules register')
    .option('--config <file>', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml')
    .option('-r, --require <module>', 'exports register(worker); may be repeated', collect, [])
    .option('-Q, --queues <names>', 'consume these task queues only, separated by commas', queueNames)
    .option('-c, --concurrency <count>', 'how many tasks run at once', wholeNumber('--concurrency', 1))
    .option('--service <name>', 'name of this service, part of the connection names')
    .option('--log-level <level>', 'debug, info, warn, error or silent', oneOf('--log-level', levels))
    .option('--log-format <format>', 'auto, text or json', oneOf('--log-format', formats))
    .action(async (options: WorkerOptions) => finish(await runWorker(options)));
}

const levels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
const formats = ['auto', 'text', 'json'] as const;

async function runWorker(options: WorkerOptions): Promise<number> {
  if (options.require.length === 0) {
    throw new UsageError('worker needs --require, a module that registers handlers: --require ./tasks.js');
  }
  const overrides = overridesOf(options);
  const { logging } = await settings(options, overrides);
  const format = logging.format === 'auto' ? (process.stderr.isTTY ? 'text' : 'json') : logging.format;
  const logger = createLogger({ level: logging.level, format });
  const { createWorker } = await import('@celeriac/worker');
  const worker = createWorker({ config: configSource(options), overrides, logger });
  for (const module of options.require) await registerModule(module, worker);
  worker.on('ready', (description) => announce(description, { format, logger }));
  return worker.run();
}

function overridesOf({ queues, concurrency, service, logLevel, logFormat }: WorkerOptions): ConfigInput {
  return {
    ...(service === undefined ? {} : { service }),
    task_handler: {
      ...(queues === undefined ? {} : { queues }),
      ...(concurrency === undefined ? {} : { concurrency }),
    },
    logging: {
      ...(logLevel === undefined ? {} : { level: logLevel }),
      ...(logFormat === undefined ? {} : { format: logFormat }),
    },
  };
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
  const { service, brokers, queues, concurrency, tasks, applications } = description;
  const lines = [
    `celeriac ${version} · ${service}`,
    `  broker        ${brokers.join(', ')}`,
    ...(queues.length === 0 ? [] : [`  queues        ${queues.join(', ')} (concurrency ${concurrency})`]),
    ...tasks.map((task, index) => `  ${index === 0 ? 'tasks ' : '      '}        ${task}`),
    ...applications.map(
      ({ name, queue, patterns, prefetch }, index) =>
        `  ${index === 0 ? 'applications' : '            '}  ${name} ← ${patterns.join(', ')} (queue ${queue}, ${prefetch} at once)`,
    ),
    'ready, press Ctrl-C to stop',
  ];
  print(lines.join('\n'));
}
