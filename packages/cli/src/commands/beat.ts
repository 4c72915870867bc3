/**
 * `celeriac beat`: sends tasks at their times, until it is told to stop. Its subcommands ask the beat that is active,
 * wherever it runs.
 */
import { createLogger, type LogLevel } from '@celeriac/core';
import type { BeatControl, CommandReport, ScheduleReport, SchedulesReport } from '@celeriac/worker';
import { Command } from 'commander';

import { registerSchedules } from '../handler-modules.js';
import { examples } from '../help.js';
import { print, printJson } from '../output.js';
import { collect, duration, oneOf } from '../parse.js';
import { configSource, settings } from '../settings.js';
import { columns, printable } from '../text.js';
import { version } from '../version.js';
import { watchWaiting } from '../waiting.js';

interface BeatCommandOptions {
  readonly config?: string;
  readonly require: readonly string[];
  readonly logLevel?: LogLevel | 'silent';
  readonly logFormat?: 'auto' | 'text' | 'json';
  readonly json?: boolean;
}

interface AskOptions {
  readonly config?: string;
  readonly timeout: string;
  readonly json?: boolean;
}

const levels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
const formats = ['auto', 'text', 'json'] as const;

export function beatCommand(finish: (code: number) => void): Command {
  const command = new Command('beat')
    .description('send tasks at their times; of several, one is active')
    .option('--config <file>', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml')
    .option('-r, --require <module>', 'exports schedule(beat); may be repeated', collect, [])
    .option('--log-level <level>', 'debug, info, warn, error or silent', oneOf('--log-level', levels))
    .option('--log-format <format>', 'auto, text or json', oneOf('--log-format', formats))
    .option('--json', 'log as JSON, and print the error as JSON')
    .addHelpText('after', examples('celeriac beat --require ./schedules.js'))
    .action(async (options: BeatCommandOptions) => finish(await runBeat(options)));
  command.addCommand(schedulesIn(new Command('schedules'), 'celeriac beat schedules'));
  for (const [name, description, done] of [
    ['pause', 'send nothing of a schedule until it is resumed', 'is paused'],
    ['resume', 'send it again, from its next time on', 'is sent again'],
    ['run', 'send one run of a schedule now', 'was sent'],
  ] as const) {
    asking(command.command(name).description(description).argument('<schedule>', 'name of the schedule'))
      .addHelpText('after', examples(`celeriac beat ${name} nightly-report`))
      .action(async (schedule: string, _: AskOptions, self: Command) => {
        const options = self.optsWithGlobals<AskOptions>();
        const report = await ask(options, (control) => control[name](schedule));
        if (options.json === true) printJson({ schedule, ...report });
        else print(`${printable(schedule)} ${told(report, done)}`);
      });
  }
  return command;
}

/** `celeriac schedules`, which is `celeriac beat schedules`. */
export function schedulesCommand(): Command {
  const command = new Command('schedules').option(
    '--config <file>',
    'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml',
  );
  return schedulesIn(command, 'celeriac schedules --json');
}

function schedulesIn(command: Command, example: string): Command {
  return asking(command)
    .description('list schedules, with their next and last runs')
    .addHelpText('after', examples(example))
    .action(async (_: AskOptions, self: Command) => {
      const options = self.optsWithGlobals<AskOptions>();
      const report = await ask(options, (control) => control.schedules());
      if (options.json === true) printJson(report);
      else printSchedules(report);
    });
}

function asking(command: Command): Command {
  return command
    .option('--timeout <duration>', 'how long the active beat may take', duration('--timeout'), '5s')
    .option('--json', 'print the result, or the error, as JSON');
}

async function runBeat(options: BeatCommandOptions): Promise<number> {
  const { logLevel } = options;
  const logFormat = options.json === true ? 'json' : options.logFormat;
  const overrides = {
    logging: {
      ...(logLevel === undefined ? {} : { level: logLevel }),
      ...(logFormat === undefined ? {} : { format: logFormat }),
    },
  };
  const { logging } = await settings(options, overrides);
  const format = logging.format === 'auto' ? (process.stderr.isTTY ? 'text' : 'json') : logging.format;
  const logger = createLogger({ level: logging.level, format });
  const { createBeat } = await import('@celeriac/worker');
  const beat = createBeat({ config: configSource(options), overrides, logger });
  for (const module of options.require) await registerSchedules(module, beat);
  logger.info('beat', { version, pid: process.pid });
  return beat.run();
}

async function ask<T>(options: AskOptions, question: (control: BeatControl) => Promise<T>): Promise<T> {
  const { openBeatControl } = await import('@celeriac/worker');
  const { timeout, json } = options;
  const waiting = watchWaiting({ isQuiet: json });
  const { logger } = waiting;
  try {
    await using control = await openBeatControl({ config: configSource(options), timeout, logger });
    return await question(control);
  } finally {
    waiting.end();
  }
}

function told({ heeded, id, running }: CommandReport, done: string): string {
  if (!heeded) return 'waits for it: no beat is active, and the next one heeds it';
  if (running !== undefined) return `was not sent: ${running} is under way`;
  return id === undefined ? done : `${done}: ${id}`;
}

function printSchedules({ active, schedules }: SchedulesReport): void {
  print(
    active === null ? 'no beat is active; this is what the last one left' : `active: ${printable(active)}`,
  );
  if (schedules.length === 0) print('no schedules');
  else
    print(
      columns(
        [['SCHEDULE', 'WHEN', 'NEXT', 'LAST', 'SENT', 'MISSED', 'OVERLAPPED'], ...schedules.map(row)],
        numbers,
      ),
    );
}

const numbers: ReadonlySet<number> = new Set([4, 5, 6]);

function row(schedule: Omit<ScheduleReport, 'task'>): string[] {
  const { name, timing, isPaused, next, last, sent, skipped, overlapped } = schedule;
  const times = [isPaused ? 'paused' : (next ?? '-'), last?.at ?? '-'];
  return [printable(name), printable(timing), ...times, ...[sent, skipped, overlapped].map(String)];
}
