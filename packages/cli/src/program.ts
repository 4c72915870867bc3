/** The command line as a whole: its commands, its help, and what becomes of errors. Never ends the process. */
import { errorText } from '@celeriac/core';
import { Command, CommanderError } from 'commander';

import { applicationsCommand } from './commands/applications.js';
import { beatCommand, schedulesCommand } from './commands/beat.js';
import { brokerCommand } from './commands/broker.js';
import { catalogueCommand } from './commands/catalogue.js';
import { completionCommand } from './commands/completion.js';
import { configCommand, schemaCommand } from './commands/config.js';
import { cancelCommand, controlCommand, inspectCommand } from './commands/control.js';
import { devCommand } from './commands/dev.js';
import { dlqCommand } from './commands/dlq.js';
import { doctorCommand } from './commands/doctor.js';
import { eventsCommand } from './commands/events.js';
import { explainCommand } from './commands/explain.js';
import { initCommand } from './commands/init.js';
import { purgeCommand, queuesCommand } from './commands/queues.js';
import { resultCommand } from './commands/result.js';
import { publishEventCommand, sendCommand } from './commands/send.js';
import { statusCommand } from './commands/status.js';
import { topCommand } from './commands/top.js';
import { topologyCommand } from './commands/topology.js';
import { workerCommand } from './commands/worker.js';
import { exitCodeOf, exitCodes, UsageError } from './exit-codes.js';
import { printError } from './output.js';
import { version } from './version.js';

const footer = `
Exit codes: 0 done, 1 the task failed or a check did, 2 usage, 3 topology plan has something to do, 69 the broker is not
available or no worker answers, 70 anything else, 75 a worker left handlers unfinished, 78 configuration, access or topology.`;

/** Runs a command line (without program and script) and resolves with the exit code. Never rejects. */
export async function runCommand(args: readonly string[]): Promise<number> {
  let code: number = exitCodes.done;
  const asJson = args.includes('--json');
  const program = createProgram((commandCode) => {
    code = commandCode;
  });
  prepare(program, asJson);
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return endOfParsing(error, asJson);
    printError(error, asJson);
    return exitCodeOf(error);
  }
}

/** All commands. `finish` takes the exit code of a command that ended well but not with 0. */
export function createProgram(finish: (code: number) => void): Command {
  const program = new Command('celeriac')
    .description('Task queue and event bus on RabbitMQ, in the protocol of Celery')
    .version(version)
    .addHelpText('after', footer);
  const groups: readonly (readonly [heading: string, commands: readonly Command[]])[] = [
    ['Begin:', [initCommand(), devCommand(finish)]],
    ['Run:', [workerCommand(finish), beatCommand(finish), brokerCommand(finish)]],
    ['Send:', [sendCommand(), resultCommand(), publishEventCommand()]],
    [
      'Look:',
      [
        statusCommand(finish),
        topCommand(),
        queuesCommand(),
        eventsCommand(),
        inspectCommand(finish),
        schedulesCommand(),
        explainCommand(finish),
        doctorCommand(finish),
        topologyCommand(finish),
      ],
    ],
    [
      'Change:',
      [controlCommand(finish), cancelCommand(finish), purgeCommand(), dlqCommand(), applicationsCommand()],
    ],
    ['Settings:', [configCommand(), schemaCommand(), catalogueCommand(finish), completionCommand()]],
  ];
  for (const [heading, commands] of groups)
    for (const command of commands) program.addCommand(command.helpGroup(heading));
  return program;
}

/** commander has printed its text already; as JSON it is left to us. */
function endOfParsing({ exitCode, code, message }: CommanderError, asJson: boolean): number {
  if (exitCode === 0) return exitCodes.done;
  if (asJson && code !== 'commander.help') {
    printError(new UsageError(message.replace(/^error: /u, '')), true);
  }
  return exitCodes.usage;
}

/** commander would end the process and repeat a URL with its password; and a stray word is most often a mistake. */
function prepare(command: Command, asJson: boolean): void {
  command
    .exitOverride()
    .allowExcessArguments(false)
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => (asJson ? undefined : write(errorText(text))) });
  for (const child of command.commands) prepare(child, asJson);
}
