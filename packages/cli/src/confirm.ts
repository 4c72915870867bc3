/** Asks for a name before something cannot be undone. */
import { createInterface } from 'node:readline/promises';

import { UsageError } from './exit-codes.js';

/** Resolves when `given`, or else what is typed at a terminal, is the name. Rejects with UsageError otherwise. */
export async function confirmName(name: string, given: string | undefined, what: string): Promise<void> {
  const typed = given ?? (await ask(`${what} Type its name to go on: `, name));
  if (typed !== name) throw new UsageError(`'${typed}' is not '${name}': nothing was done`);
}

/** Resolves when `isGiven`, or when `yes` is typed at a terminal. Rejects with UsageError otherwise. */
export async function confirmYes(isGiven: boolean, what: string): Promise<void> {
  if (isGiven) return;
  const typed = await ask(`${what} Type yes to go on: `, '');
  if (typed !== 'yes') throw new UsageError('that was not yes: nothing was done');
}

async function ask(question: string, name: string): Promise<string> {
  if (!process.stdin.isTTY)
    throw new UsageError(
      `nobody can be asked here: give ${name === '' ? '--yes' : `--yes ${name}, or a filter`}`,
    );
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(question)).trim();
  } finally {
    terminal.close();
  }
}
