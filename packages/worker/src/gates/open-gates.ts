/** The gates of a worker, in the order in which they are asked, and what they hold open. Decides nothing. */
import { randomUUID } from 'node:crypto';

import type { Gate } from '../gate.js';
import { idempotencyOf } from '../handlers.js';
import type { GateParts } from './gate-parts.js';
import { idempotencyGate } from './idempotency.js';
import { eventKeys, taskKeys } from './once-keys.js';
import { endedGate, replacedGate, startedGate } from './unique.js';
import { openLimits } from './limits/open-limits.js';
import { openLoopLag } from './loop-lag.js';
import { RevokedGate } from './revoked-gate.js';

export interface Gates {
  /** Of tasks. */
  readonly tasks: readonly Gate[];
  /** Of events, one list for all applications. */
  readonly events: readonly Gate[];
  /** Never rejects. */
  close(): Promise<void>;
}

/** Rejects when a store that a gate cannot do without cannot be opened. */
export async function openGates(parts: GateParts): Promise<Gates> {
  const { config, tasks, applications, keyStore, logger, clock } = parts;
  if (needsKeyStore(parts)) await openKeyStore(parts);
  const limits = await openLimits(parts);
  const loopLag = openLoopLag(parts);
  const first = loopLag?.holds === true ? [loopLag] : [];
  const common = { keyStore, config: config.key_store, clock, logger, newId: randomUUID };
  return {
    tasks: [
      endedGate(common),
      new RevokedGate(parts.revocations),
      ...first,
      replacedGate(common),
      ...limits.holding,
      idempotencyGate({ ...common, keyOf: taskKeys(tasks, logger) }),
      ...limits.counting, // what has run already takes no turn
      startedGate(common),
    ],
    events: applications.some(({ options }) => options.idempotency !== undefined)
      ? [...first, idempotencyGate({ ...common, keyOf: eventKeys(applications, config, logger) })]
      : first,
    close: async () => {
      loopLag?.close();
      await limits.close();
    },
  };
}

/** Single sends may name keys as well: for those it is opened when the first comes. */
function needsKeyStore({ tasks, applications }: GateParts): boolean {
  const ofTasks = tasks.names.some((name) => {
    const task = tasks.get(name);
    return task !== undefined && idempotencyOf(task) !== undefined;
  });
  return ofTasks || applications.some(({ options }) => options.idempotency !== undefined);
}

async function openKeyStore({ keyStore, config, logger }: GateParts): Promise<void> {
  await keyStore.open();
  if (config.key_store.connection_string === 'memory://') {
    logger.warn(
      'idempotency keys are known to this process alone: another worker, or this one after a restart, runs again what it has run',
      {
        setting: 'key_store.connection_string',
      },
    );
  }
}
