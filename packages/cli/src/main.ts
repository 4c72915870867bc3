#!/usr/bin/env node
/** The `celeriac` command: parses, runs, and ends with an exit code. Everything else is in `program.ts`. */
import { endWithSupervisor } from './dev/end-with-supervisor.js';
import { exitCodes } from './exit-codes.js';
import { runCommand } from './program.js';

let outputLost = false;
// `celeriac … | head` closes the pipe, and so does a log collector that dies: neither may end a worker.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  outputLost = code !== 'EPIPE';
});
process.stderr.on('error', () => undefined);

endWithSupervisor();
const code = await runCommand(process.argv.slice(2));

// What a module opened (a pool, a timer) must not keep the process alive once it has its exit code.
process.stderr.write('', () => {
  process.stdout.write('', () => {
    process.exit(code === exitCodes.done && outputLost ? exitCodes.software : code);
  });
});
