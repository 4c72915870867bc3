/**
 * The gate that keeps what has succeeded under a key from running again, and one run under a key from starting beside
 * another. A claim is a lease, renewed while the handler runs; that it is done is written down before the message is
 * acknowledged. No lock: a process that was paused for longer than its lease goes on beside its successor.
 */
import {
  chainOf,
  type Clock,
  type Config,
  type Delivery,
  type KeyStore,
  type KeyStoreSource,
  type Logger,
  type Verdict,
} from '@celeriac/core';

import type { Admission, Ending, Gate, Pass } from '../gate.js';
import type { Work } from '../work.js';
import { LeasedClaim } from './leased-claim.js';

/** What a piece of work may do once. */
export interface OnceKey {
  /** Of the store: with its scope. */
  readonly key: string;
  readonly windowMs: number;
}

export interface IdempotencyParts {
  readonly keyStore: Pick<KeyStoreSource, 'open'>;
  readonly config: Config['key_store'];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newId: () => string;
  /** Undefined for work that has no key. */
  readonly keyOf: (work: Work, delivery: Delivery) => OnceKey | undefined;
}

/** Until somebody else's claim is looked at again. */
const shortestWaitMs = 1_000;
/** Until the store is asked again that did not answer; and half as long more by chance, so that not all come at once. */
const storePauseMs = 5_000;

export function idempotencyGate(parts: IdempotencyParts): Gate {
  return {
    name: 'idempotency',
    admit: (work, delivery) => {
      const once = parts.keyOf(work, delivery);
      return once === undefined ? undefined : admitted(work, delivery, { parts, once });
    },
  };
}

interface Asked {
  readonly parts: IdempotencyParts;
  readonly once: OnceKey;
}

async function admitted(work: Work, delivery: Delivery, { parts, once }: Asked): Promise<Admission> {
  const { keyStore, config, clock, logger, newId } = parts;
  const owner = newId();
  const leaseMs = config.lease * 1000;
  const chain = [delivery.queue, work.id, chainOf(delivery.properties.headers), ...partOf(work)].join(':');
  const attempt = work.retries + 1;
  const { key, windowMs } = once;
  const askedAt = clock.monotonic();
  let store: KeyStore;
  let claim: Awaited<ReturnType<KeyStore['claim']>>;
  try {
    store = await keyStore.open();
    claim = await store.claim(key, { owner, leaseMs, windowMs, chain, attempt });
  } catch (error) {
    return withoutStore(work, error, parts);
  }
  switch (claim.state) {
    case 'done':
    case 'retried':
      return { outcome: { kind: 'repeated', because: claim.state } };
    case 'held': {
      const until = Math.ceil(clock.now() + Math.max(shortestWaitMs, claim.leftMs));
      return { outcome: { kind: 'deferred', until, because: 'somebody else runs under its key' } };
    }
    case 'claimed': {
      const leased = new LeasedClaim({ store, clock, logger, key, owner, chain, windowMs, leaseMs, askedAt });
      return {
        pass: passOf(leased, {
          fencing: claim.fencing,
          attempt,
          mustKeep: config.when_unavailable === 'wait',
        }),
      };
    }
  }
}

function withoutStore(
  { name, id }: Work,
  error: unknown,
  { config, clock, logger }: IdempotencyParts,
): Admission {
  if (config.when_unavailable === 'run') {
    logger.warn('the key store does not answer: it runs without its key, and may run twice', {
      name,
      id,
      error,
    });
    return undefined;
  }
  const until = Math.ceil(clock.now() + storePauseMs * (1 + clock.random() / 2));
  return { outcome: { kind: 'deferred', until, because: 'the key store does not answer' } };
}

interface Passing {
  readonly fencing: number;
  readonly attempt: number;
  /** That it is done is tried to be written down for as long as the claim lasts. */
  readonly mustKeep: boolean;
}

function passOf(claim: LeasedClaim, { fencing, attempt, mustKeep }: Passing): Pass {
  return {
    fencing,
    ended: ({ outcome }: Ending) => (outcome.kind === 'succeeded' ? claim.complete(mustKeep) : undefined),
    copied: (verdict: Verdict) => claim.release(goesOn(verdict, attempt)),
    settled: () => claim.settled(),
  };
}

/** From a checkpoint on its attempts are counted apart: the copy that goes on is of the same attempt. */
function partOf({ message }: Work): readonly string[] {
  return message?.checkpoint === undefined ? [] : [`checkpoint ${message.checkpoint.number}`];
}

/**
 * What the store is to know of the attempts of a message whose copy is confirmed. A checkpoint is no success: the key is
 * free until the copy runs, and the message itself does not run again.
 */
function goesOn({ kind }: Verdict, attempt: number): number | undefined {
  if (kind === 'retry' || kind === 'continue') return attempt;
  return kind === 'deadLetter' ? 0 : undefined;
}
