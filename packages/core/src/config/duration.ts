/**
 * Reads durations and sizes written by people: `'10s'`, `'500ms'`, `'16MiB'`. Pure text work; it knows no clock
 * and never guesses a unit.
 */
import { CeleriacError } from '../errors.js';

/** Seconds as a number, or text with a unit: `'500ms'`, `'10s'`, `'5m'`, `'1h'`, `'30d'`. Never negative. */
export type Duration = number | string;

/** Bytes as a number, or text with a unit: `'64KiB'`, `'16MiB'`, `'1GiB'`, `'500kB'`, `'32MB'`. */
export type ByteSize = number | string;

/** The schema's pattern for durations as text. */
export const durationPattern = '^[0-9]{1,12}(\\.[0-9]{1,9})?(ms|s|m|h|d)$';

/** The schema's pattern for sizes as text. */
export const byteSizePattern = '^[0-9]{1,12}(\\.[0-9]{1,9})?(B|kB|KB|MB|GB|KiB|MiB|GiB)$';

const milliseconds: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const bytes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

const durationText = new RegExp(durationPattern, 'u');
const byteSizeText = new RegExp(byteSizePattern, 'u');

/** What a duration may be, for error texts. */
export const durationAllowed =
  "a number of seconds (0 or more), or text such as '500ms', '10s', '5m', '1h', '30d'";

/** What a size may be, for error texts. */
export const byteSizeAllowed =
  "a whole number of bytes (0 or more), or text such as '64KiB', '16MiB', '32MB'";

/** The duration in seconds. Throws ERR_INPUT_INVALID for anything else than a `Duration`. */
export function parseDuration(duration: Duration): number {
  if (typeof duration === 'number' && Number.isFinite(duration) && duration >= 0) return duration;
  // Counted in milliseconds first: 1 ms is not a whole binary fraction of a second.
  const counted = readUnits(duration, durationText, milliseconds);
  if (counted !== undefined) return counted / 1000;
  throw new CeleriacError('ERR_INPUT_INVALID', {
    message: `Not a duration: ${shown(duration)}.`,
    hint: `A duration is ${durationAllowed}.`,
    values: { duration },
  });
}

/** The size in whole bytes, rounded down. Throws ERR_INPUT_INVALID for anything else than a `ByteSize`. */
export function parseByteSize(size: ByteSize): number {
  if (typeof size === 'number' && Number.isSafeInteger(size) && size >= 0) return size;
  const counted = readUnits(size, byteSizeText, bytes);
  if (counted !== undefined && counted <= Number.MAX_SAFE_INTEGER) return Math.floor(counted);
  throw new CeleriacError('ERR_INPUT_INVALID', {
    message: `Not a size: ${shown(size)}.`,
    hint: `A size is ${byteSizeAllowed}.`,
    values: { size },
  });
}

function readUnits(
  value: unknown,
  pattern: RegExp,
  units: Readonly<Record<string, number>>,
): number | undefined {
  if (typeof value !== 'string' || !pattern.test(value)) return undefined;
  const digits = /^[0-9.]+/u.exec(value)?.[0] ?? '';
  const factor = units[value.slice(digits.length)];
  return factor === undefined ? undefined : Number(digits) * factor;
}

/** JavaScript callers may pass anything; a long text is cut so that the error stays one line. */
function shown(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : `a value of type ${typeof value}`;
}
