/** The memory that a watchdog and its thread share, and what the thread is told. Data only. */

/** Index of the number that grows while the event loop turns. */
export const beatAt = 0;
/** Index of the length of the name; 0 when no handler is between its call and its first return. */
export const nameLengthAt = 1;
/** Where the name and id of the handler stand. */
export const nameBytes = { from: 8, length: 504 } as const;
export const stateBytes: number = nameBytes.from + nameBytes.length;

/** How the thread writes its line. */
export type BlockedReport = 'text' | 'json';

export interface Alarm {
  readonly shared: SharedArrayBuffer;
  readonly alarmMs: number;
  readonly format: BlockedReport;
}
