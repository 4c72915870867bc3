/**
 * Moments as Celery writes and reads them: ISO 8601 with an offset, microseconds. Pure; the time zone of a text
 * without an offset is the caller's to say.
 *
 * Source: celery/utils/iso8601.py (5.2) and dateutil's isoparse (5.3 and later). 5.2 reads the fraction's digits
 * as a count of microseconds, so exactly six are written, or none.
 */

const isoText =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?)?(Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?$/u;

/** `2026-11-25T04:09:03.317000+00:00`. Throws a RangeError for what is no moment. */
export function formatIsoTime(ms: number): string {
  const text = new Date(ms).toISOString(); // …T04:09:03.317Z
  const fraction = text.slice(20, 23);
  return `${text.slice(0, 19)}${fraction === '000' ? '' : `.${fraction}000`}+00:00`;
}

/** Milliseconds since the epoch; undefined for what is no moment. `timeZone` (IANA) counts for texts without offset. */
export function parseIsoTime(text: string, timeZone = 'UTC'): number | undefined {
  const found = isoText.exec(text);
  if (found === null) return undefined;
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', offset] = found;
  const ms = Math.floor(Number(`0.${fraction || '0'}`) * 1000);
  const wall = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
    ms,
  );
  // Date.UTC rolls what does not exist over: 31 February into March, 25 o'clock into the next day.
  const asRead = `${month}-${day}T${hour}:${minute}`;
  if (Number.isNaN(wall) || new Date(wall).toISOString().slice(5, 16) !== asRead) return undefined;
  if (offset === undefined) return inZone(wall, timeZone);
  return offset === 'Z' ? wall : wall - offsetMs(offset);
}

function offsetMs(offset: string): number {
  const digits = offset.slice(1).replace(':', '').padEnd(4, '0');
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2, 4));
  return (offset.startsWith('-') ? -1 : 1) * minutes * 60_000;
}

/** The moment at which clocks in the zone show this wall time; the later one where they show it twice. */
function inZone(wall: number, timeZone: string): number | undefined {
  if (timeZone === 'UTC') return wall;
  try {
    const first = wall - zoneOffsetMs(wall, timeZone);
    return wall - zoneOffsetMs(first, timeZone);
  } catch {
    return undefined; // no such zone: the configuration is checked before, so this is another program's word
  }
}

function zoneOffsetMs(moment: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(moment);
  const of = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
  const shown = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
  return shown - Math.floor(moment / 1000) * 1000;
}
