/** The events that modules define: every contract and family among their exports. Starts and registers nothing. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { CeleriacError, errorText, type EventContract, type EventFamily } from '@celeriac/core';

import { ModuleError, UsageError } from '../exit-codes.js';

/** Exports may hold contracts in objects and lists, one in the other so often. */
const deepest = 3;

/** Rejects with UsageError for modules that are not there or define no event, ModuleError for one that throws. */
export async function eventsOf(paths: readonly string[]): Promise<readonly EventContract[]> {
  const found: EventContract[] = [];
  for (const path of paths) {
    const file = resolve(path);
    if (!existsSync(file)) throw new UsageError(`the module ${path} does not exist (${file})`);
    const before = found.length;
    collect(await load(path, file), found, deepest);
    if (found.length === before) {
      throw new UsageError(`${path} exports no event: nothing that defineEvent or defineEvents returned`);
    }
  }
  return unique(found);
}

async function load(path: string, file: string): Promise<unknown> {
  try {
    return Object.values((await import(pathToFileURL(file).href)) as object);
  } catch (cause) {
    const text = errorText(cause);
    throw new ModuleError(`The module '${path}' cannot be loaded: ${text} CELERIAC_DEBUG=1 shows where.`, {
      cause,
    });
  }
}

function collect(value: unknown, found: EventContract[], depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  const { kind } = value as { kind?: unknown };
  if (kind === 'event') found.push(value as EventContract);
  else if (kind === 'event-family') {
    const { created, updated, deleted, restored } = value as EventFamily;
    found.push(created, updated, deleted, restored);
  } else if (depth > 0 && kind === undefined) {
    for (const inner of Object.values(value)) collect(inner, found, depth - 1);
  }
}

/** By object and action. Throws ERR_CONTRACT_INVALID where two contracts of an event differ. */
function unique(all: readonly EventContract[]): readonly EventContract[] {
  const known = new Map<string, EventContract>();
  for (const contract of all) {
    const name = `${contract.object}.${contract.action}`;
    const other = known.get(name) ?? contract;
    known.set(name, other);
    if (other.values === contract.values && other.dataSchema === contract.dataSchema) continue;
    throw new CeleriacError('ERR_CONTRACT_INVALID', {
      message: `The event '${name}' is defined twice, with different schemas.`,
      hint: 'Define it once, and export it from where both need it.',
      values: { event: name },
    });
  }
  return [...known.values()];
}
