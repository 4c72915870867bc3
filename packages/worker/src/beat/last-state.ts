/** What the last active beat has left, where none is active: looks into the queue and puts everything back. */
import { type Clock, type Config, type Publishing, QueueVisit } from '@celeriac/core';

import { remembered, type ScheduleReport } from './commands.js';
import { readMessage } from './messages.js';
import { type BeatState, isNewer } from './state.js';

interface Parts {
  readonly config: Config;
  readonly clock: Clock;
  readonly publishing: Publishing;
}

const timeoutMs = 10_000;

/** Empty where nobody ever left anything. */
export async function lastState({
  config,
  clock,
  publishing,
}: Parts): Promise<readonly (Omit<ScheduleReport, 'task'> & { readonly task: null })[]> {
  const { session } = publishing;
  const visit = await QueueVisit.open({ session, clock, queue: config.beat.queue, timeoutMs });
  let newest: BeatState | undefined;
  try {
    for (let held = await visit.next(); held !== undefined; held = await visit.next()) {
      const read = readMessage(held);
      if (read.kind !== 'state') continue;
      if (newest === undefined || isNewer(read.state, newest)) newest = read.state;
    }
  } finally {
    await visit.end({ quietly: true });
  }
  return Object.entries(newest?.entries ?? {}).map(([name, entry]) => {
    return { name, task: null, ...remembered(entry), next: null };
  });
}
