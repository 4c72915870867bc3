/**
 * `celeriac broker`: the embedded broker as a process of its own, for development: workers, publishers and Python on
 * this machine share it. Runs until it is told to stop.
 */
import { once } from 'node:events';
import { isIPv6 } from 'node:net';

import {
  announceDevelopmentBroker,
  CeleriacError,
  findDevelopmentBroker,
  parseConnectionString,
} from '@celeriac/core';
import { type BrokerOptions, type DevBroker, profileNames, startBroker } from '@celeriac/dev-broker';
import { Command } from 'commander';

import { exitCodes, UsageError } from '../exit-codes.js';
import { examples } from '../help.js';
import { print, printJson } from '../output.js';
import { collect, oneOf, wholeNumber } from '../parse.js';
import { version } from '../version.js';

export interface EmbeddedOptions {
  readonly port: number;
  readonly host: string;
  readonly profile?: BrokerOptions['profile'];
  readonly user: readonly string[];
  readonly vhost: readonly string[];
  readonly allowRemote?: boolean;
  readonly data?: string;
  readonly sync?: boolean;
}

interface Options extends EmbeddedOptions {
  readonly json?: boolean;
}

/** Where AMQP clients look. */
export const usualPort = 5672;

export function brokerCommand(finish: (code: number) => void): Command {
  return new Command('broker')
    .description('run the embedded broker, for development and tests; others on this machine find it')
    .option('--port <number>', '0 takes a free one', wholeNumber('--port', 0, 65_535), usualPort)
    .option('--host <address>', 'another than a loopback address needs --allow-remote', '127.0.0.1')
    .option(
      '--profile <version>',
      `behave like RabbitMQ ${profileNames.join(', ')}`,
      oneOf('--profile', profileNames),
    )
    .option('--user <name:password>', 'instead of guest:guest; may be repeated', collect, [])
    .option('--vhost <name>', 'besides /; may be repeated', collect, [])
    .option('--allow-remote', 'let other machines in: they need a --user')
    .option('--data <directory>', 'keep durable queues and persistent messages there')
    .option('--sync', 'with --data: wait for the disk before confirming, for power failures')
    .option('--json', 'print where it listens, or the error, as JSON')
    .addHelpText('after', examples('celeriac broker --port 0'))
    .action(async (options: Options) => finish(await runBroker(options)));
}

async function runBroker(options: Options): Promise<number> {
  const broker = await startEmbedded(options);
  const { port, url } = broker;
  const note = await announceDevelopmentBroker({ pid: process.pid, port, url }, process.env);
  announce(broker, options, note.isFound);
  await Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)));
  await note.withdraw();
  await broker.stop();
  return exitCodes.done;
}

/** Rejects with UsageError, ERR_PORT_TAKEN, ERR_BIND_REFUSED, ERR_DATA_LOCKED or ERR_JOURNAL_…. */
export async function startEmbedded({
  profile,
  user,
  vhost,
  data,
  ...options
}: EmbeddedOptions): Promise<DevBroker> {
  if (options.sync === true && data === undefined) throw new UsageError('--sync needs --data');
  if (data === '') throw new UsageError('--data takes a directory');
  try {
    return await startBroker({
      port: options.port,
      host: options.host,
      allowRemote: options.allowRemote === true,
      vhosts: ['/', ...vhost],
      ...(user.length === 0 ? {} : { users: Object.fromEntries(user.map(nameAndPassword)) }),
      ...(profile === undefined ? {} : { profile }),
      ...(data === undefined ? {} : { data, sync: options.sync === true }),
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw await portTaken(options, error);
  }
}

/** Its text never shows what was given: it may be a password. */
function nameAndPassword(text: string): [string, string] {
  const [, name, password] = /^([^:]+):(.+)$/su.exec(text) ?? [];
  if (name !== undefined && password !== undefined) return [name, password];
  throw new UsageError('--user takes a name and a password, as in --user me:secret');
}

async function portTaken(
  { host, port }: { host: string; port: number },
  cause: unknown,
): Promise<CeleriacError> {
  const running = await findDevelopmentBroker(process.env);
  const isOurs = running?.port === port;
  return new CeleriacError('ERR_PORT_TAKEN', {
    message: isOurs
      ? `A development broker runs already: process ${running.pid}, port ${port}.`
      : `Port ${port} of ${host} is taken, by a RabbitMQ perhaps.`,
    hint: isOurs
      ? 'Workers and publishers without a connection string find it.'
      : 'Use what listens there, or --port 0 for a free one.',
    values: { host, port, ...(isOurs ? { pid: running.pid } : {}) },
    cause,
  });
}

function announce(broker: DevBroker, { json, user }: Options, isFound: boolean): void {
  const { port, data } = broker;
  const url = shownUrl(broker, user.length > 0);
  if (json === true) {
    printJson({ url, port, pid: process.pid, ...(data === undefined ? {} : { data }) });
    return;
  }
  const kept = data === undefined ? 'nothing when it ends' : `what is durable in ${data}`;
  print(`celeriac ${version} broker, for development and tests: it keeps ${kept}`);
  print(`  listening on  ${url}`);
  print(
    isFound
      ? '  found by      workers and publishers on this machine that have no connection string'
      : `  found by      whoever is given the address: CELERIAC_EVENTS__CONNECTION_STRING=${url}`,
  );
  print('press Ctrl-C to stop');
}

/** To be copied; a password of its own is not shown. */
export function shownUrl({ host, port, url }: DevBroker, hasUsers: boolean): string {
  if (hasUsers) return parseConnectionString(url).toString();
  return `amqp://guest@${isIPv6(host) ? `[${host}]` : host}:${port}//`;
}
