/**
 * The gates of unique and debounced tasks. What a later send has replaced does not run; and a key is given back, when
 * its task starts or ends, for the next send. A store that does not answer delays nothing: keys end by themselves.
 */
import {
  type KeyStore,
  type KeyStoreSource,
  type Logger,
  orderNumber,
  readPlan,
  type Verdict,
} from '@celeriac/core';

import type { Admission, Ending, Gate, Pass } from '../gate.js';

export interface UniqueParts {
  readonly keyStore: Pick<KeyStoreSource, 'open'>;
  readonly logger: Logger;
}

/** Asked before all others: a key has to be given back also where one of them ends the task. */
export function endedGate({ keyStore, logger }: UniqueParts): Gate {
  return {
    name: 'unique (ended)',
    admit: (work, { properties: { headers } }) => {
      const plan = readPlan(headers);
      if (plan?.kind !== 'hold') return undefined;
      const { key, rule } = plan;
      if (rule === 'queued') return { pass: unlessStarted(key, work.id, { keyStore, logger }) };
      return rule === 'queued-or-running'
        ? { pass: untilEnded(key, work.id, { keyStore, logger }) }
        : undefined;
    },
  };
}

/** Asked before all limits: what is replaced must not use them up. */
export function replacedGate({ keyStore }: UniqueParts): Gate {
  return {
    name: 'unique (replaced)',
    admit: (_work, { properties: { headers } }) => {
      const plan = readPlan(headers);
      if (plan?.kind !== 'latest') return undefined;
      const number = orderNumber(headers);
      return number === undefined ? undefined : latestOnly(plan.key, number, keyStore);
    },
  };
}

/** Asked after all others, when nothing keeps the task from starting any more. */
export function startedGate({ keyStore, logger }: UniqueParts): Gate {
  return {
    name: 'unique (started)',
    admit: (work, { properties: { headers } }) => {
      const plan = readPlan(headers);
      if (plan?.kind !== 'hold') return undefined;
      if (plan.rule === 'running') return whileRunning(plan, work.id, { keyStore, logger });
      return plan.rule === 'queued' ? givenBack(plan.key, work.id, keyStore) : undefined;
    },
  };
}

type Source = UniqueParts['keyStore'];

/** Throws what the store does: it runs then, as it may be the only one. */
async function latestOnly(key: string, number: number, keyStore: Source): Promise<Admission> {
  const store = await keyStore.open();
  return (await store.begin(key, number)) ? undefined : { outcome: { kind: 'superseded' } };
}

async function givenBack(key: string, id: string, keyStore: Source): Promise<Admission> {
  await (await keyStore.open()).letGo(key, id);
  return undefined;
}

async function whileRunning(
  { key, ttlMs }: { readonly key: string; readonly ttlMs: number },
  id: string,
  parts: UniqueParts,
): Promise<Admission> {
  const store = await parts.keyStore.open();
  // Of two that were queued before either ran both run: neither send was refused.
  if ((await store.hold(key, { id, ttlMs })) !== undefined) return undefined;
  await store.confirm(key, { id, ttlMs });
  return {
    pass: { settled: () => letGo(key, id, { store: () => Promise.resolve(store), logger: parts.logger }) },
  };
}

/** Given back where it ends without ever having started: cancelled, or done before under another key. */
function unlessStarted(key: string, id: string, { keyStore, logger }: UniqueParts): Pass {
  let isOver = false;
  return {
    ended: ({ outcome: { kind } }: Ending) => {
      isOver = kind === 'revoked' || kind === 'repeated';
    },
    settled: ({ kind }: Verdict) => {
      if (isOver && kind === 'ack') letGo(key, id, { store: () => keyStore.open(), logger });
    },
  };
}

/** Given back when no attempt of it is left, and not while it waits for another. */
function untilEnded(key: string, id: string, { keyStore, logger }: UniqueParts): Pass {
  let hasSucceeded = false;
  return {
    ended: ({ outcome }: Ending) => {
      hasSucceeded = outcome.kind === 'succeeded';
    },
    settled: ({ kind }: Verdict) => {
      const isOver = hasSucceeded || kind === 'ack' || kind === 'deadLetter';
      if (isOver) letGo(key, id, { store: () => keyStore.open(), logger });
    },
  };
}

interface LetGoParts {
  readonly store: () => Promise<KeyStore>;
  readonly logger: Logger;
}

function letGo(key: string, id: string, { store, logger }: LetGoParts): void {
  store()
    .then((opened) => opened.letGo(key, id))
    .catch((error: unknown) => {
      logger.warn('a unique key was not given back, and ends by itself', { key, id, error });
    });
}
