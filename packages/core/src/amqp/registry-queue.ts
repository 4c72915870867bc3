/**
 * One JSON document kept in the broker: a durable queue that holds a single message, guarded by a lock. `update`
 * reads it, rewrites it with a confirm, and only then removes the old one; a crash in between leaves both, and the
 * newer wins. Knows nothing of what the document says.
 */
import type { ChannelModel, ConfirmChannel, GetMessage } from 'amqplib';

import type { Clock } from '../clock.js';
import { withDeadline } from '../deadline.js';
import { CeleriacError, errorText, isCeleriacError } from '../errors.js';
import { replyCode } from './channel-error.js';
import { endOf } from './channel-supervisor.js';
import { mendIt } from './declare-error.js';
import type { Session } from './session.js';
import { type QueueType, registryQueue } from './topology.js';

export interface RegistryQueueOptions {
  readonly session: Session;
  readonly clock: Clock;
  readonly queue: string;
  readonly type: QueueType;
  /** What it holds, for errors: `the list of applications`. */
  readonly holds: string;
  /** How long to wait for the lock and the broker, milliseconds. Default 10 000. */
  readonly timeoutMs?: number;
}

const retryAfterMs = 100;
const defaultTimeoutMs = 10_000;

export class RegistryQueue {
  #options: Required<RegistryQueueOptions>;
  /** Accesses from this process, one after the other: the lock tells connections apart, not calls. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: RegistryQueueOptions) {
    this.#options = { timeoutMs: defaultTimeoutMs, ...options };
  }

  /**
   * Replaces the document by what `change` returns for it (undefined: there is none yet); resolves with the new
   * one. When the connection is lost on the way it begins again on the next one, and `change` is called again, perhaps
   * with its own result. Rejects with ERR_REGISTRY_BUSY when another process holds the lock for too long.
   */
  update<T>(change: (document: unknown) => T): Promise<T> {
    const result = this.#last.then(() => this.#locked((channel) => this.#rewrite(channel, change)));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** As `update`, where there is a document; undefined, with nothing declared, where there is no such queue. */
  async updateIfAny<T>(change: (document: unknown) => T): Promise<T | undefined> {
    return (await this.#exists()) ? this.update(change) : undefined;
  }

  /** As patient as `update`. */
  async #exists(): Promise<boolean> {
    const { session, clock, timeoutMs } = this.#options;
    const deadline = clock.monotonic() + timeoutMs;
    for (;;) {
      try {
        return await this.#check(
          await session.ready({ timeoutMs: Math.max(1, deadline - clock.monotonic()) }),
        );
      } catch (error) {
        if (!isLoss(error) || clock.monotonic() >= deadline) throw error;
        await clock.sleep(retryAfterMs);
      }
    }
  }

  async #check(connection: ChannelModel): Promise<boolean> {
    const { clock, queue, timeoutMs: ms } = this.#options;
    const channel = await connection.createChannel();
    void endOf(channel);
    try {
      await withDeadline(channel.checkQueue(queue), { clock, ms, late: () => unanswered(queue, ms) });
    } catch (error) {
      if ((error as { code?: unknown }).code === replyCode.notFound) return false; // which has closed the channel
      throw error;
    }
    channel.close().catch(() => undefined); // it is lost: then it is closed as well
    return true;
  }

  async #locked<T>(use: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
    const { session, clock, queue, timeoutMs } = this.#options;
    const deadline = clock.monotonic() + timeoutMs;
    for (;;) {
      const connection = await session.ready({ timeoutMs: Math.max(1, deadline - clock.monotonic()) });
      try {
        return await this.#attempt(connection, use, deadline);
      } catch (error) {
        const isLocked = (error as { code?: number }).code === replyCode.resourceLocked;
        if (!isLocked && !isLoss(error)) throw error;
        if (clock.monotonic() >= deadline) throw isLocked ? busy(queue, timeoutMs, error) : error;
        await clock.sleep(retryAfterMs);
      }
    }
  }

  async #attempt<T>(
    connection: ChannelModel,
    use: (channel: ConfirmChannel) => Promise<T>,
    deadline: number,
  ): Promise<T> {
    const { clock, queue, timeoutMs } = this.#options;
    const lock = `${queue}.lock`;
    const channel = await connection.createConfirmChannel();
    void endOf(channel);
    await channel.assertQueue(lock, { exclusive: true, durable: false, autoDelete: true });
    try {
      const ms = Math.max(1, deadline - clock.monotonic());
      // A broker that blocks publishing answers nothing.
      return await withDeadline(use(channel), { clock, ms, late: () => unanswered(queue, timeoutMs) });
    } finally {
      // Not awaited: a blocked broker answers neither, and the lock goes with the connection at the latest.
      void letGo(channel, lock);
    }
  }

  async #rewrite<T>(channel: ConfirmChannel, change: (document: unknown) => T): Promise<T> {
    const { queue, type, holds } = this.#options;
    const { arguments: args } = registryQueue(queue, type);
    await channel.assertQueue(queue, { durable: true, arguments: args }).catch((error: unknown) => {
      throw isLoss(error) ? error : unusable({ queue, holds }, error);
    });
    const old: GetMessage[] = [];
    for (;;) {
      const message = await channel.get(queue);
      if (message === false) break;
      old.push(message);
    }
    const document = change(parse(old.at(-1)?.content));
    await publish(channel, queue, document);
    for (const message of old) channel.ack(message);
    return document;
  }
}

/** The channel or its connection went away, without a word from the broker, or for a fault of its own (AMQP: 5xx). */
function isLoss(error: unknown): boolean {
  if (isCeleriacError(error)) return false;
  const { code } = error as { code?: unknown };
  return code === undefined || (typeof code === 'number' && code >= 500);
}

async function letGo(channel: ConfirmChannel, lock: string): Promise<void> {
  try {
    await channel.deleteQueue(lock);
    await channel.close();
  } catch {
    return; // it is lost, and the lock with it
  }
}

function unanswered(queue: string, timeoutMs: number): CeleriacError {
  return new CeleriacError('ERR_REGISTRY_BUSY', {
    message: `The broker did not let us read and write '${queue}' within ${timeoutMs / 1000} s.`,
    hint: 'Look for a memory or disk alarm of the broker (rabbitmq-diagnostics alarms), then try again.',
    values: { queue },
  });
}

function publish(channel: ConfirmChannel, queue: string, document: unknown): Promise<void> {
  const body = Buffer.from(JSON.stringify(document));
  const properties = { persistent: true, contentType: 'application/json' };
  return new Promise((resolve, reject) => {
    channel.publish('', queue, body, properties, (error: unknown) => {
      if (error === null || error === undefined) resolve();
      else reject(error instanceof Error ? error : new Error(errorText(error)));
    });
  });
}

/** A document that cannot be read counts as none: the next write replaces it. */
function parse(body: Buffer | undefined): unknown {
  if (body === undefined) return undefined;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined; // someone else's message: registering again restores the list
  }
}

function busy(queue: string, timeoutMs: number, cause: unknown): CeleriacError {
  return new CeleriacError('ERR_REGISTRY_BUSY', {
    message: `Another process has held the lock of '${queue}' for ${timeoutMs / 1000} s.`,
    hint: 'Try again; the lock goes with the connection that holds it.',
    values: { queue },
    cause,
  });
}

function unusable({ queue, holds }: { queue: string; holds: string }, cause: unknown): CeleriacError {
  return new CeleriacError('ERR_TOPOLOGY_MISMATCH', {
    message: `The queue '${queue}' cannot be used for ${holds}: ${errorText(cause)}.`,
    hint: `It is written by Celeriac only: delete it, and write again what it held. \`${mendIt}\` shows how it differs.`,
    values: { queue },
    cause,
  });
}
