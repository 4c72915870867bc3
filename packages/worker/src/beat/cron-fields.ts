/**
 * Reads the five fields of a cron expression, as Celery's crontab has them: `minute hour day-of-month month
 * day-of-week`, and all of them must match. Says which field is wrong and why. Pure; computes no times.
 */

/** What is wrong with an expression. */
export interface CronProblem {
  /** The field, or undefined where it is the expression as a whole. */
  readonly field: string | undefined;
  readonly problem: string;
}

export type ParsedCron =
  { readonly ok: true; readonly pattern: string } | ({ readonly ok: false } & CronProblem);

interface Field {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  /** In order of their numbers, from `least`. */
  readonly names?: readonly string[];
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const fields: readonly [Field, Field, Field, Field, Field] = [
  { name: 'minute', least: 0, most: 59 },
  { name: 'hour', least: 0, most: 23 },
  { name: 'day of month', least: 1, most: 31 },
  { name: 'month', least: 1, most: 12, names: months },
  { name: 'day of week', least: 0, most: 7, names: weekdays }, // 7 is Sunday as well
];

/** Of January to December, in a leap year. */
const longestMonths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** Longer than any expression that means something. */
const longest = 500;

class FieldError extends Error {}

/** The expression in a form that croner reads the same way; or what is wrong with it. Never throws. */
export function parseCron(expression: string): ParsedCron {
  if (expression.length > longest) return bad(undefined, `is longer than ${longest} characters`);
  const texts = expression.trim().split(/[ \t]+/u);
  if (texts.length !== fields.length) {
    const what = `has ${texts.length} ${texts.length === 1 ? 'field' : 'fields'} instead of 5`;
    return bad(undefined, `${what}: minute, hour, day of month, month, day of week`);
  }
  const values: number[][] = [];
  for (const [index, field] of fields.entries()) {
    try {
      values.push(valuesOf(field, (texts[index] as string).toLowerCase()));
    } catch (error) {
      if (error instanceof FieldError) return bad(field.name, error.message);
      throw error;
    }
  }
  const [, , days, monthNumbers, weekdayNumbers] = values as [
    number[],
    number[],
    number[],
    number[],
    number[],
  ];
  if (monthNumbers.every((month) => days.every((day) => day > (longestMonths[month - 1] as number)))) {
    return bad(
      'day of month',
      `names a day that no month of the expression has (${texts[2]}, month ${texts[3]})`,
    );
  }
  // Minute and hour as they are written: whether there is a wildcard decides what happens when clocks change.
  const [minute, hour] = texts as [string, string];
  return {
    ok: true,
    pattern: [minute, hour, list(days), list(monthNumbers), list(weekdayNumbers)].join(' '),
  };
}

function bad(field: string | undefined, problem: string): ParsedCron {
  return { ok: false, field, problem };
}

function list(values: readonly number[]): string {
  return values.join(',');
}

function valuesOf(field: Field, text: string): number[] {
  if (/[lw#?@]/u.test(text) && !/[a-z]{3}/u.test(text))
    throw new FieldError(`is '${text}': L, W, # and ? are not known here`);
  const values = new Set<number>();
  for (const part of text.split(',')) for (const value of partOf(field, part)) values.add(value);
  if (field.name === 'day of week' && values.delete(7)) values.add(0);
  return [...values].sort((a, b) => a - b);
}

/** `*`, `*\/n`, `a`, `a-b` or `a-b/n`. */
function partOf(field: Field, part: string): readonly number[] {
  const match = /^(?:(\*)|([a-z]+|\d{1,4})(?:-([a-z]+|\d{1,4}))?)(?:\/(\d{1,4}))?$/u.exec(part);
  if (match === null)
    throw new FieldError(`has '${part}', which is not *, a number, a range or a list of them`);
  const [, star, from, to, stepText] = match;
  const step = stepText === undefined ? 1 : Number(stepText);
  if (step < 1) throw new FieldError(`has '${part}': a step is at least 1`);
  if (step > field.most) throw new FieldError(`has '${part}': a step is at most ${field.most}`);
  if (star !== undefined) {
    const { name, least, most } = field;
    return range(least, name === 'day of week' ? 6 : most, step);
  }
  const first = numberOf(field, from as string);
  if (to === undefined && stepText !== undefined)
    throw new FieldError(`has '${part}': a step needs a range or *, as in */${step}`);
  const last = to === undefined ? first : numberOf(field, to);
  if (last < first) throw new FieldError(`has '${part}': the range ends before it begins`);
  return range(first, last, step);
}

function range(from: number, to: number, step: number): readonly number[] {
  const values: number[] = [];
  for (let value = from; value <= to; value += step) values.push(value);
  return values;
}

function numberOf({ least, most, names = [] }: Field, text: string): number {
  const named = names.indexOf(text);
  const value = named === -1 ? Number(text) : named + least;
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  const orName = names.length === 0 ? '' : ` or ${names[0]} to ${names.at(-1)}`;
  throw new FieldError(`has '${text}': allowed is ${least} to ${most}${orName}`);
}
