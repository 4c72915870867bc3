/** Dead letters of tests: tasks that fail, and what is read of them. */
import type { ConfigInput } from '@celeriac/core';
import { type DeadLetter, type DeadLetters, openDeadLetters } from '@celeriac/worker';

import { configFor, WatchedPublisher, WatchedWorker } from './clients.js';
import type { Place } from './place.js';

export const dead = 'celeriac.dead-letter';

export type QueueType = 'quorum' | 'classic';

export function configOf(place: Place, type: QueueType): ConfigInput {
  return configFor(place.url, {
    events: { queue_type: type },
    tasks: { queue_type: type, delayed_delivery_ahead: false },
  });
}

export function openLetters(place: Place, type: QueueType): Promise<DeadLetters> {
  return openDeadLetters({ config: configOf(place, type), env: {} });
}

/** Sends tasks of these names, which all fail; their ids are `0:a`, `1:b`, … */
export async function fail(place: Place, type: QueueType, names: readonly string[]): Promise<void> {
  await using watched = new WatchedWorker(configOf(place, type));
  for (const name of new Set(names)) {
    watched.worker.task(name, () => {
      throw new Error(`${name} failed`);
    });
  }
  await watched.worker.start();
  await using sender = await WatchedPublisher.open(configOf(place, type));
  for (const [index, name] of names.entries()) {
    await sender.publisher.send(name, [index], { id: `${index}:${name}` });
    await watched.untilSettled(index + 1); // one after the other: their order is part of the test
  }
}

export async function idsRead(letters: AsyncIterable<DeadLetter>): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of letters) ids.push(id ?? '');
  return ids;
}
