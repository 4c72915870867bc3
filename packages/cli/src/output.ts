/** What the command prints: results on standard output, errors on standard error. Never a secret. */
import { errorText, isCeleriacError } from '@celeriac/core';

import { codedCause, UsageError } from './exit-codes.js';
import { printableJson, printableLines } from './text.js';

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  print(printableJson(JSON.stringify(value, undefined, 2)));
}

/** One object of many, each on a line of its own. */
export function printJsonLine(value: unknown): void {
  print(printableJson(JSON.stringify(value)));
}

/** An error for people: what happened and what to do, without a stack; or as JSON. */
export function printError(error: unknown, asJson: boolean): void {
  process.stderr.write(
    `${asJson ? printableJson(JSON.stringify({ error: errorObject(error) })) : printableLines(errorBlock(error))}\n`,
  );
}

function errorObject(error: unknown): unknown {
  if (isCeleriacError(error)) return error.toJSON();
  const name = error instanceof Error ? error.name : 'Error';
  const code = codedCause(error)?.code;
  return { name, ...(code === undefined ? {} : { code }), message: errorText(error) };
}

function errorBlock(error: unknown): string {
  if (error instanceof UsageError) return `error: ${errorText(error)}\nSee celeriac --help.`;
  const coded = codedCause(error);
  const code = coded === undefined ? '' : ` (${coded.code})`;
  const stack = process.env.CELERIAC_DEBUG === '1' && error instanceof Error ? `\n${stackOf(error)}` : '';
  return `error: ${errorText(error)}${code}${stack}`;
}

/** The stack of what lies at the bottom: a module's own error is wrapped in ours. Redacted: it starts with its text. */
function stackOf(error: Error): string {
  return error.cause instanceof Error ? stackOf(error.cause) : errorText(error.stack ?? '');
}
