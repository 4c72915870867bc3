#!/usr/bin/env node
/** The `celeriac` command: parses, runs, and ends with an exit code. Everything else is in `program.ts`. */
import { runCommand } from './program.js';

process.exitCode = await runCommand(process.argv.slice(2));
