/** Modules that register schedules: imports one and calls what it exports. Starts nothing. */
import { CeleriacError, errorText } from '@celeriac/core';

/** Rejects with ERR_HANDLER_MODULE; `values.why` says what is wrong. */
export async function schedulesFrom<Target>(url: string, beat: Target): Promise<void> {
  let exported: unknown;
  try {
    exported = await import(url);
  } catch (cause) {
    throw moduleError(url, 'not-loaded', cause);
  }
  const { schedule, default: fallback } = exported as {
    schedule?: unknown;
    default?: { schedule?: unknown };
  };
  // A CommonJS module whose names Node did not find has them in its default.
  const register = [schedule, fallback?.schedule].find((one) => typeof one === 'function');
  if (register === undefined) throw moduleError(url, 'no-schedule');
  try {
    await (register as (beat: Target) => unknown)(beat);
  } catch (cause) {
    throw moduleError(url, 'not-registered', cause);
  }
}

const problems = {
  'not-loaded': 'cannot be loaded',
  'not-registered': 'cannot register its schedules',
  'no-schedule': "exports no function 'schedule' that takes the beat",
} as const;

function moduleError(url: string, why: keyof typeof problems, cause?: unknown): CeleriacError {
  const text = cause === undefined ? '' : `: ${errorText(cause)}`;
  return new CeleriacError('ERR_HANDLER_MODULE', {
    message: `The module '${url}' ${problems[why]}${text}${/[.!?]$/u.test(text) ? '' : '.'}`,
    hint: 'A module with schedules exports schedule(beat).',
    values: { module: url, why },
    ...(cause === undefined ? {} : { cause }),
  });
}
