/** The memory that a watchdog and other threads share, how its name is read, and what its own thread is told. */

/** Index of the number that grows while the event loop turns. */
export const beatAt = 0;
/** Index of the length of the name; 0 when no handler is between its call and its first return. */
export const nameLengthAt = 1;
/** Where the name and id of the handler stand. */
export const nameBytes = { from: 8, length: 504 } as const;
export const stateBytes: number = nameBytes.from + nameBytes.length;

/** Name and id; undefined when the loop is not in the first, uninterrupted part of a handler. */
export function handlerName(shared: SharedArrayBuffer): string | undefined {
  const length = Atomics.load(new Int32Array(shared), nameLengthAt);
  if (length === 0) return undefined;
  const name = new Uint8Array(shared, nameBytes.from, nameBytes.length);
  return new TextDecoder().decode(name.slice(0, length)); // a copy: decoding shared memory is refused
}

/** How the thread writes its line. */
export type BlockedReport = 'text' | 'json';

export interface Alarm {
  readonly shared: SharedArrayBuffer;
  readonly alarmMs: number;
  readonly format: BlockedReport;
}
