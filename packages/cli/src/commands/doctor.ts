/** `celeriac doctor`: looks at everything the configuration names, and says what to do about what is wrong. */
import { type Check, type CheckState, diagnose } from '@celeriac/core';
import { Command } from 'commander';

import { exitCodes, isUnavailable } from '../exit-codes.js';
import { examples } from '../help.js';
import { print, printJson } from '../output.js';
import { duration } from '../parse.js';
import { type Line, painted, type Tone } from '../screen.js';
import { configSource, type ConfigOption } from '../settings.js';
import { printable } from '../text.js';

interface DoctorOptions extends ConfigOption {
  readonly timeout: string;
  readonly workers: string;
  readonly strict?: boolean;
  readonly json?: boolean;
}

export function doctorCommand(finish: (code: number) => void): Command {
  return new Command('doctor')
    .description('look at the broker, its queues, stores, workers and clocks, and say what is wrong')
    .option('--config <file>', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml')
    .option('--timeout <duration>', 'how long each server may take to answer', duration('--timeout'), '10s')
    .option('--workers <duration>', 'how long workers have to answer', duration('--workers'), '1s')
    .option('--strict', 'a warning counts as a failure')
    .option('--json', 'print what was found as JSON')
    .addHelpText('after', examples('celeriac doctor', 'celeriac doctor --config celeriac.yaml --json'))
    .action(async (options: DoctorOptions) => finish(await examine(options)));
}

async function examine(options: DoctorOptions): Promise<number> {
  const { timeout, workers, json = false, strict = false } = options;
  const checks: Check[] = [];
  for await (const check of diagnose({ config: configSource(options), timeout, workers })) {
    checks.push(check);
    if (!json) for (const line of painted(checkLines(check), process.stdout)) print(line);
  }
  if (json) printJson(checks);
  else for (const line of painted([{ text: '' }, summary(checks)], process.stdout)) print(line);
  return codeOf(checks, strict);
}

const words: Readonly<Record<CheckState, string>> = {
  ok: 'ok',
  warning: 'warning',
  failed: 'FAILED',
  skipped: '-',
};
const tones: Readonly<Record<CheckState, Tone | undefined>> = {
  ok: undefined,
  warning: 'head',
  failed: 'bad',
  skipped: 'faint',
};
const width = Math.max(...Object.values(words).map(({ length }) => length));

/** Check by check, as they come: the subject cannot be a column of its own. */
function checkLines({ subject, state, found, advice }: Check): readonly Line[] {
  const text = `${words[state].padEnd(width)}  ${printable(subject)}: ${printable(found)}`;
  const tone = tones[state];
  const first: Line = tone === undefined ? { text } : { text, tone };
  return advice === undefined ? [first] : [first, { text: `${' '.repeat(width)}  → ${printable(advice)}` }];
}

function summary(checks: readonly Check[]): Line {
  const count = (state: CheckState): number => checks.filter((check) => check.state === state).length;
  const text = `${count('ok')} ok, ${count('warning')} with a warning, ${count('failed')} failed, ${count('skipped')} not looked at`;
  return { text, tone: count('failed') > 0 ? 'bad' : 'good' };
}

/** A server that does not answer may answer later; the rest has to be changed by somebody. */
function codeOf(checks: readonly Check[], isStrict: boolean): number {
  const bad = checks.filter(({ state }) => state === 'failed' || (isStrict && state === 'warning'));
  if (bad.length === 0) return exitCodes.done;
  return bad.every(({ code }) => code !== undefined && isUnavailable(code))
    ? exitCodes.unavailable
    : exitCodes.configuration;
}
