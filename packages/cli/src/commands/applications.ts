/** `celeriac applications`: who receives which events. */
import {
  applicationQueueName,
  Applications,
  brokerAccess,
  type Config,
  eventPatterns,
  openPublishing,
  parseDuration,
  type RegisteredApplication,
  silentLogger,
  systemClock,
} from '@celeriac/core';
import { Command } from 'commander';

import { UsageError } from '../exit-codes.js';
import { examples } from '../help.js';
import { print, printJson } from '../output.js';
import { duration } from '../parse.js';
import { settings } from '../settings.js';

interface Options {
  readonly config?: string;
  readonly timeout: string;
  readonly json?: boolean;
}

export function applicationsCommand(): Command {
  const command = new Command('applications').description('applications registered on the event bus');
  common(command.command('list'))
    .description('list them, with their queues and patterns')
    .addHelpText('after', examples('celeriac applications list --json'))
    .action(async (options: Options) => {
      const all = await withApplications(options, (applications) => applications.list());
      if (options.json === true) printJson(all);
      else printTable(all);
    });
  common(command.command('register'))
    .description('declare its queue and bind it to exactly these patterns; events count from now on')
    .argument('<name>', 'name of the application')
    .argument(
      '<patterns...>',
      "routing patterns: * is one word, # any number, as in 'core.limeobject.deal.*.v1'",
    )
    .addHelpText('after', examples("celeriac applications register invoicing 'core.limeobject.deal.*.v1'"))
    .action(async (name: string, patterns: string[], options: Options) => {
      const register = (applications: Applications, { events }: Config) => {
        const spelt = patterns.flatMap((pattern) => eventPatterns(events, pattern));
        return applications.register(name, [...new Set(spelt)], { exact: true });
      };
      const application = await withApplications(options, register, (config) => {
        applicationQueueName(config, name);
        mustBePatterns(patterns);
      });
      if (options.json === true) printJson(application);
      else print(`${name} receives ${application.patterns.join(', ')} in the queue ${application.queue}`);
    });
  common(command.command('unregister'))
    .description('unbind it and take it off the list; its queue stays, with what is in it')
    .argument('<name>', 'name of the application')
    .addHelpText('after', examples('celeriac applications unregister invoicing'))
    .action(async (name: string, options: Options) => {
      const gone = await withApplications(options, (applications) => applications.unregister(name));
      if (options.json === true) printJson({ name, unregistered: gone });
      else print(gone ? `${name} receives nothing more` : `${name} was not registered`);
    });
  return command;
}

function common(command: Command): Command {
  return command
    .option('--config <file>', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml')
    .option('--timeout <duration>', 'how long the broker may take', duration('--timeout'), '30s')
    .option('--json', 'print the result, or the error, as JSON');
}

/** AMQP's limit of a routing key. An empty pattern is a shell variable that was not set. */
function mustBePatterns(patterns: readonly string[]): void {
  const bad = patterns.find((pattern) => pattern === '' || Buffer.byteLength(pattern) > 255);
  if (bad !== undefined) throw new UsageError(`a pattern has 1 to 255 bytes, not ${Buffer.byteLength(bad)}`);
}

/** `check` may throw before anything connects. */
async function withApplications<T>(
  options: Options,
  use: (applications: Applications, config: Config) => Promise<T>,
  check?: (config: Config) => void,
): Promise<T> {
  const config = await settings(options);
  check?.(config);
  const access = await brokerAccess(config, silentLogger);
  const parts = { config, logger: silentLogger, clock: systemClock, access };
  const { session, sink, declarer } = openPublishing(parts, 'events');
  try {
    await session.ready({ timeoutMs: parseDuration(options.timeout) * 1000 });
    return await use(new Applications({ config, session, declarer, clock: systemClock }), config);
  } finally {
    const closed = sink.close();
    await session.close();
    await closed;
  }
}

function printTable(applications: readonly RegisteredApplication[]): void {
  if (applications.length === 0) print('no application is registered');
  for (const { name, queue, patterns, registeredAt } of applications) {
    print(`${name}  (queue ${queue}, since ${registeredAt})`);
    for (const pattern of patterns) print(`  ${pattern}`);
  }
}
