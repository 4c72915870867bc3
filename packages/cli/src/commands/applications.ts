/** `celeriac applications`: who receives which events, how far behind each is, and a way to hold one up. */
import {
  applicationQueueName,
  type ApplicationTold,
  type Config,
  openApplications,
  type OpenedApplications,
} from '@celeriac/core';
import { Command } from 'commander';

import { UsageError } from '../exit-codes.js';
import { examples } from '../help.js';
import { print, printJson } from '../output.js';
import { duration } from '../parse.js';
import { configSource, settings } from '../settings.js';
import { watchWaiting } from '../waiting.js';
import { applicationJson, applicationLines, toldText } from './applications-text.js';

interface Options {
  readonly config?: string;
  readonly timeout: string;
  readonly json?: boolean;
}

export function applicationsCommand(): Command {
  const command = new Command('applications').description('applications registered on the event bus');
  common(command.command('list', { isDefault: true }))
    .description('list them: what waits, what is in hand, how old it is, and whether they are paused')
    .addHelpText('after', examples('celeriac applications', 'celeriac applications list --json'))
    .action(list);
  common(command.command('register'))
    .description('declare its queue and bind it to exactly these patterns; events count from now on')
    .argument('<name>', 'name of the application')
    .argument(
      '<patterns...>',
      "routing patterns: * is one word, # any number, as in 'core.limeobject.deal.*.v1'",
    )
    .addHelpText('after', examples("celeriac applications register invoicing 'core.limeobject.deal.*.v1'"))
    .action(register);
  common(command.command('unregister'))
    .description('unbind it and take it off the list; its queue stays, with what is in it')
    .argument('<name>', 'name of the application')
    .addHelpText('after', examples('celeriac applications unregister invoicing'))
    .action(unregister);
  common(command.command('pause'))
    .description('no event handler takes its events, whoever starts; they wait in its queue')
    .argument('<name>', 'name of the application')
    .addHelpText('after', examples('celeriac applications pause invoicing'))
    .action((name: string, options: Options) => tell(name, options, (all) => all.pause(name)));
  common(command.command('resume'))
    .description('its events are taken again after a pause')
    .argument('<name>', 'name of the application')
    .addHelpText('after', examples('celeriac applications resume invoicing'))
    .action((name: string, options: Options) => tell(name, options, (all) => all.resume(name)));
  return command;
}

async function list(options: Options): Promise<void> {
  const all = await withApplications(options, (applications) => applications.reports());
  if (options.json === true) printJson(all.map(applicationJson));
  else print(applicationLines(all).join('\n'));
}

async function register(name: string, patterns: string[], options: Options): Promise<void> {
  const check = (config: Config): void => {
    applicationQueueName(config, name);
    mustBePatterns(patterns);
  };
  const application = await withApplications(options, (all) => all.register(name, patterns), check);
  if (options.json === true) printJson(application);
  else print(`${name} receives ${application.patterns.join(', ')} in the queue ${application.queue}`);
}

async function unregister(name: string, options: Options): Promise<void> {
  const gone = await withApplications(options, (applications) => applications.unregister(name));
  if (options.json === true) printJson({ name, unregistered: gone });
  else print(gone ? `${name} receives nothing more` : `${name} was not registered`);
}

async function tell(
  name: string,
  options: Options,
  use: (applications: OpenedApplications) => Promise<ApplicationTold>,
): Promise<void> {
  const told = await withApplications(options, use);
  if (options.json === true) printJson(told);
  else print(toldText(told));
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
  use: (applications: OpenedApplications) => Promise<T>,
  check?: (config: Config) => void,
): Promise<T> {
  check?.(await settings(options));
  const { timeout, json } = options;
  const { logger, end } = watchWaiting({ isQuiet: json });
  try {
    await using applications = await openApplications({ config: configSource(options), timeout, logger });
    return await use(applications);
  } finally {
    end();
  }
}
