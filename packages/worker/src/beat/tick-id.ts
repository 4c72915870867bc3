/**
 * The message id of a tick: the same for everybody who sends it, so that a tick that is sent twice can be told for
 * what it is. Pure.
 */
import { createHash } from 'node:crypto';

/** A UUID (version 8, RFC 9562) made of the texts. */
function idOf(...texts: readonly string[]): string {
  const bytes = createHash('sha256').update(JSON.stringify(texts)).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Of the tick of a schedule at a time (milliseconds); `beat` is the queue that the schedules are kept in. */
export function tickId(beat: string, name: string, at: number): string {
  return idOf('celeriac.beat', beat, name, new Date(at).toISOString());
}

/** Of a run that a command asked for: the same, whoever heeds it. */
export function commandedId(beat: string, command: string): string {
  return idOf('celeriac.beat.run', beat, command);
}

/** A number in [0, 1) that depends on nothing but the id. */
export function fractionOf(id: string): number {
  return createHash('sha256').update(id).digest().readUInt32BE(0) / 2 ** 32;
}
