/**
 * A copy of the objects, kept by their events. An event may come twice, and a later one before an earlier one
 * (several are handled at a time, and what was in hand when a connection broke comes again): the version of the
 * object decides, not the order of arrival. Kept in memory: in your service this is a table.
 */
import type { EventMessage } from '@celeriac/core';

import type { AirportValues } from './history.js';

interface Kept {
  readonly version: number;
  readonly values: AirportValues;
  readonly deleted: boolean;
}

export class Mirror {
  #objects = new Map<string | number, Kept>();
  #seen = new Set<string>();

  /** How many events have come; a repeat does not count. */
  get events(): number {
    return this.#seen.size;
  }

  get present(): readonly AirportValues[] {
    return [...this.#objects.values()].filter(({ deleted }) => !deleted).map(({ values }) => values);
  }

  get deleted(): number {
    return this.#objects.size - this.present.length;
  }

  apply({ id, action, objectId, values }: EventMessage<AirportValues>): void {
    this.#seen.add(id);
    if (objectId === undefined || values === undefined) return;
    const { version } = values;
    if (version <= (this.#objects.get(objectId)?.version ?? 0)) return;
    this.#objects.set(objectId, { version, values, deleted: action === 'delete' });
  }
}
