/**
 * Validates what contracts describe, with ajv for JSON Schemas and with the schema's own code for Standard Schemas.
 * Each schema is compiled once. Loaded only where a contract has a schema.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

import { CeleriacError, errorText, isCeleriacError } from '../errors.js';
import type { EventContract } from './event.js';
import type { EventPattern } from './event-family.js';
import { isStandardSchema, type JsonSchema, type Schema } from './schema.js';
import type { TaskContract } from './task.js';

export type Validated =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: CeleriacError };

/** More problems than this are counted only. */
const shownProblems = 10;

const compiled = new WeakMap<object, ValidateFunction>();
/** By draft, made when first needed. */
const validators = new Map<string, Pick<Ajv, 'compile'>>();

/** Validates a task's input. `value` is what the handler gets. Throws ERR_CONTRACT_INVALID for a broken schema. */
export function checkInput({ name, input }: TaskContract, value: unknown): Validated | Promise<Validated> {
  return check(input, value, `the input of task '${name}'`);
}

/** Validates an event's values. */
export function checkValues(
  { object, action, values }: EventContract | EventPattern,
  value: unknown,
): Validated | Promise<Validated> {
  return check(values, value, `the values of event '${object} ${action}'`);
}

/** For senders: returns what was passed, unconverted, or throws ERR_INPUT_INVALID. */
export async function checkedInput(contract: TaskContract, input: unknown): Promise<unknown> {
  return passed(input, await checkInput(contract, input));
}

/** As `checkedInput`, for an event's values. */
export async function checkedValues(contract: EventContract, values: unknown): Promise<unknown> {
  return passed(values, await checkValues(contract, values));
}

/** The receiver validates again and converts then: converting twice would break schemas that change the type. */
function passed(value: unknown, validated: Validated): unknown {
  if (!validated.ok) throw validated.error;
  return value;
}

/** Never throws: a schema's own code may, and a broken schema is found at its first use. */
function check(schema: Schema | undefined, value: unknown, what: string): Validated | Promise<Validated> {
  if (schema === undefined) return { ok: true, value };
  const broken = (cause: unknown): Validated => ({ ok: false, error: brokenSchema(cause, what) });
  try {
    if (!isStandardSchema(schema)) return checkJson(schema, value, what);
    const result = schema['~standard'].validate(value);
    if (!(result instanceof Promise)) return standardResult(result, what);
    return result.then((done) => standardResult(done, what)).catch(broken);
  } catch (cause) {
    return broken(cause);
  }
}

function checkJson(schema: JsonSchema, value: unknown, what: string): Validated {
  const validate = compile(schema, what);
  return validate(value) ? { ok: true, value } : invalid(what, (validate.errors ?? []).map(problem));
}

function brokenSchema(cause: unknown, what: string): CeleriacError {
  if (isCeleriacError(cause)) return cause;
  return new CeleriacError('ERR_INPUT_INVALID', {
    message: `The schema for ${what} failed while it validated: ${errorText(cause)}.`,
    hint: 'A schema has to say what is wrong, not throw.',
    cause,
  });
}

function compile(schema: JsonSchema, what: string): ValidateFunction {
  const key = schema as object;
  const known = compiled.get(key);
  if (known !== undefined) return known;
  try {
    const validate = validatorFor(schema).compile(schema as object);
    compiled.set(key, validate);
    return validate;
  } catch (cause) {
    throw new CeleriacError('ERR_CONTRACT_INVALID', {
      message: `The schema for ${what} is not valid: ${errorText(cause)}.`,
      hint: 'Correct the JSON Schema (draft 7 or 2020-12).',
      cause,
    });
  }
}

/** What draft 7 does not know, and would ignore. */
const newKeywords =
  /"(?:prefixItems|unevaluatedItems|unevaluatedProperties|dependentRequired|dependentSchemas|minContains|maxContains|\$dynamicRef|\$recursiveRef)":|"\$schema":"[^"]*(?:2019-09|2020-12)/u;

/**
 * Draft 2020-12 where a schema says so or uses its keywords, else draft 7: TypeBox and older schemas write tuples
 * as `items: […]`, which 2020-12 refuses. Unknown keywords and formats are the schema author's business.
 */
function validatorFor(schema: JsonSchema): Pick<Ajv, 'compile'> {
  const draft = newKeywords.test(JSON.stringify(schema)) ? '2020-12' : '7';
  const known = validators.get(draft);
  if (known !== undefined) return known;
  // Not remembered by $id: two contracts may use the same one.
  const options = {
    allErrors: true,
    strict: false,
    validateSchema: false,
    logger: false,
    addUsedSchema: false,
  } as const;
  const made = draft === '7' ? new Ajv(options) : new Ajv2020(options);
  addFormats.default(made);
  validators.set(draft, made);
  return made;
}

function standardResult(result: StandardSchemaV1.Result<unknown>, what: string): Validated {
  if (result.issues === undefined) return { ok: true, value: result.value };
  const problems = result.issues.map(({ path = [], message }) => {
    const keys = path.map((part) => (typeof part === 'object' ? part.key : part)).map(String);
    return `${keys.length === 0 ? 'it' : keys.join('.')}: ${message}`;
  });
  return invalid(what, problems);
}

/** `amount: must be >= 1`. Never the value: it may be a secret. */
function problem({ instancePath, message = 'is not valid', params, keyword }: ErrorObject): string {
  const where = instancePath === '' ? 'it' : instancePath.slice(1).replaceAll('/', '.');
  const more = params as { additionalProperty?: string; allowedValues?: unknown[] };
  if (keyword === 'additionalProperties')
    return `${where}: has an unknown property '${more.additionalProperty ?? ''}'`;
  if (keyword === 'enum') return `${where}: must be one of ${JSON.stringify(more.allowedValues)}`;
  return `${where}: ${message}`;
}

function invalid(what: string, problems: readonly string[]): Validated {
  const more = problems.length > shownProblems ? `; and ${problems.length - shownProblems} more` : '';
  return {
    ok: false,
    error: new CeleriacError('ERR_INPUT_INVALID', {
      message: `${what[0]?.toUpperCase() ?? ''}${what.slice(1)} does not fit its contract: ${problems.slice(0, shownProblems).join('; ')}${more}.`,
      hint: 'Correct what is named.',
      values: { problems: problems.slice(0, shownProblems) },
    }),
  };
}
