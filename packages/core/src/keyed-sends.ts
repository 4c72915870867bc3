/**
 * What stands between a task that is ready and its publishing where it has a key: another one may have it, or a later
 * one replace it. Publishes through what it is given, and loses nothing: a send is dropped only for a message that the
 * broker has confirmed, and nothing is replaced before its successor is confirmed.
 */
import type { Clock } from './clock.js';
import type { Config } from './config/types.js';
import { CeleriacError, isCeleriacError } from './errors.js';
import type { Holder, SendKeyStore } from './key-store/key-store.js';
import type { KeyStoreSource } from './key-store/open.js';
import type { SentMessage } from './ports.js';
import type { PreparedTask } from './prepared.js';
import { inOrder, type SendPlan } from './protocol/key-headers.js';

export interface KeyedSendsParts {
  readonly keyStore: Pick<KeyStoreSource<SendKeyStore>, 'open'>;
  readonly config: Config;
  readonly clock: Clock;
}

export interface ReadyTask {
  readonly prepared: PreparedTask;
  /** How long publishing may take. */
  readonly timeoutMs: number;
  readonly publish: (prepared: PreparedTask) => Promise<SentMessage>;
}

type HoldPlan = Extract<SendPlan, { kind: 'hold' }>;
type LatestPlan = Extract<SendPlan, { kind: 'latest' }>;

/** A key whose message is not confirmed yet is kept for the publish, and this much longer. */
const spareMs = 5_000;
/** Between two looks at such a key. */
const lookMs = 50;

export class KeyedSends {
  #parts: KeyedSendsParts;

  constructor(parts: KeyedSendsParts) {
    this.#parts = parts;
  }

  /** Rejects as publishing does, and with ERR_UNIQUE_PENDING; with the store's error where the policy is `wait`. */
  send(plan: SendPlan, ready: ReadyTask): Promise<SentMessage> {
    return plan.kind === 'hold' ? this.#sendAlone(plan, ready) : this.#sendLatest(plan, ready);
  }

  async #sendAlone({ key, rule, ttlMs }: HoldPlan, ready: ReadyTask): Promise<SentMessage> {
    const { id, eta, queue } = ready.prepared;
    const { clock } = this.#parts;
    const pending = { id, ttlMs: ready.timeoutMs + spareMs };
    const ask = (store: SendKeyStore): Promise<Holder | undefined> =>
      rule === 'running' ? store.holder(key) : store.hold(key, pending);
    const holder = await this.#settledHolder(id, ask, ready.timeoutMs);
    if (holder !== undefined)
      return { id: holder.id, exchange: '', routingKey: queue, duplicateOf: holder.id };
    const isHeld = rule !== 'running';
    let sent: SentMessage;
    try {
      sent = await ready.publish(ready.prepared);
    } catch (error) {
      // Where it may be in the broker all the same, the key is kept until it ends by itself.
      if (isHeld && !mayBeStored(error)) await this.#attempt((store) => store.letGo(key, id));
      throw error;
    }
    const delayMs = eta === undefined ? 0 : Math.max(0, eta - clock.now());
    if (isHeld) await this.#attempt((store) => store.confirm(key, { id, ttlMs: ttlMs + delayMs }));
    return sent;
  }

  /** Who has the key, once that is certain: for one that never reaches the broker nothing is dropped. */
  async #settledHolder(
    id: string,
    ask: (store: SendKeyStore) => Promise<Holder | undefined>,
    withinMs: number,
  ): Promise<Holder | undefined> {
    const { clock } = this.#parts;
    const end = clock.monotonic() + withinMs;
    for (;;) {
      const holder = await this.#asked(ask);
      if (holder === undefined || holder.id === id || holder.isConfirmed) {
        return holder?.id === id ? undefined : holder;
      }
      if (clock.monotonic() >= end) throw stillPending(id, holder.id);
      await clock.sleep(lookMs);
    }
  }

  async #sendLatest(plan: LatestPlan, ready: ReadyTask): Promise<SentMessage> {
    const { key, waitMs, maxWaitMs = Infinity } = plan;
    const { clock } = this.#parts;
    const { prepared } = ready;
    const ownDelayMs = prepared.eta === undefined ? 0 : Math.max(0, prepared.eta - clock.now());
    const ttlMs = plan.ttlMs + Math.max(waitMs ?? 0, ownDelayMs);
    const entry = await this.#asked((store) => store.enter(key, ttlMs));
    const leftMs = Math.max(0, maxWaitMs - (entry?.ageMs ?? 0));
    const eta = waitMs === undefined ? undefined : Math.ceil(clock.now() + Math.min(waitMs, leftMs));
    const properties = inOrder(prepared.properties, { number: entry?.number, eta });
    const sent = await ready.publish({ ...prepared, ...(eta === undefined ? {} : { eta }), properties });
    if (entry !== undefined) {
      const { number } = entry;
      // If that fails, what came before runs as well.
      await this.#attempt((store) => store.supersede(key, { number, ttlMs }));
    }
    return sent;
  }

  /** Undefined where the store does not answer and the policy is to go on without it. */
  async #asked<Reply>(ask: (store: SendKeyStore) => Promise<Reply>): Promise<Reply | undefined> {
    try {
      return await ask(await this.#parts.keyStore.open());
    } catch (error) {
      const isDown = isCeleriacError(error, 'ERR_REDIS_UNAVAILABLE');
      if (isDown && this.#parts.config.key_store.when_unavailable === 'run') return undefined;
      throw error;
    }
  }

  /** What is only an improvement by now: without it the key ends by itself. */
  async #attempt(act: (store: SendKeyStore) => Promise<unknown>): Promise<void> {
    try {
      await act(await this.#parts.keyStore.open());
    } catch {
      // The message's own fate is known, and is what the sender is told; the connection says that it was lost.
    }
  }
}

function mayBeStored(error: unknown): boolean {
  return !isCeleriacError(error) || error.values.outcome === undefined || error.values.outcome === 'unknown';
}

function stillPending(id: string, holder: string): CeleriacError {
  return new CeleriacError('ERR_UNIQUE_PENDING', {
    message: `'${holder}' has the key of '${id}', and it is not known yet whether it reaches the broker.`,
    hint: 'Nothing was sent. Send again: its key ends by itself where its sender died.',
    values: { id, holder, outcome: 'not-sent' },
  });
}
