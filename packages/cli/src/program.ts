/** The command line as a whole: its commands, its help, and what becomes of errors. Never ends the process. */
import { Command, CommanderError } from 'commander';

import { applicationsCommand } from './commands/applications.js';
import { configCommand } from './commands/config.js';
import { publishEventCommand, sendCommand } from './commands/send.js';
import { workerCommand } from './commands/worker.js';
import { exitCodeOf, exitCodes } from './exit-codes.js';
import { printError } from './output.js';
import { version } from './version.js';

const footer = `
Exit codes: 0 done, 2 usage, 69 the broker is not available, 70 anything else,
75 a worker left handlers unfinished, 78 configuration, access or topology.`;

/** Runs a command line (without program and script) and resolves with the exit code. Never rejects. */
export async function runCommand(args: readonly string[]): Promise<number> {
  let code: number = exitCodes.done;
  const program = new Command('celeriac')
    .description('Task queue and event bus on RabbitMQ, in the protocol of Celery')
    .version(version)
    .addHelpText('after', footer);
  for (const command of [
    workerCommand((workerCode) => {
      code = workerCode;
    }),
    sendCommand(),
    publishEventCommand(),
    applicationsCommand(),
    configCommand(),
  ]) {
    program.addCommand(command);
  }
  throwInsteadOfExiting(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    printError(error, args.includes('--json'));
    return exitCodeOf(error);
  }
}

/** commander would end the process; and a stray word is more often a mistake than meant. */
function throwInsteadOfExiting(command: Command): void {
  command.exitOverride().allowExcessArguments(false).showSuggestionAfterError();
  for (const child of command.commands) throwInsteadOfExiting(child);
}
