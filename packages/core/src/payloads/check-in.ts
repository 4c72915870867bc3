/**
 * Large bodies on their way out: put into the payload store before their message is published, which then carries a
 * reference; or warned of, once per task, where there is no store. Publishes nothing.
 */
import { createHash } from 'node:crypto';

import { backpressure, tooLarge } from '../amqp/publish-error.js';
import type { Clock } from '../clock.js';
import type { TasksConfig } from '../config/types.js';
import { withDeadline } from '../deadline.js';
import type { Logger } from '../logger.js';
import type { OutgoingMessage } from '../ports.js';
import type { PreparedTask } from '../prepared.js';
import { mostReferenceChars, withClaim } from '../protocol/claim.js';
import { notStored, type PayloadStore } from './store.js';

export interface CheckInParts {
  /** Undefined: large bodies are only warned of. */
  readonly store: PayloadStore | undefined;
  readonly config: Pick<
    TasksConfig,
    'payload_threshold' | 'max_payload_size' | 'payload_timeout' | 'max_unsettled_bytes'
  >;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Names may come from data. */
const mostWarned = 1000;

export class PayloadCheckIn {
  #parts: CheckInParts;
  #warned = new Set<string>();
  /** Being stored right now. */
  #count = 0;
  #bytes = 0;

  constructor(parts: CheckInParts) {
    this.#parts = parts;
  }

  /**
   * The task as it is to be published; undefined: as it is. Rejects with ERR_MESSAGE_TOO_LARGE, ERR_PAYLOAD_STORE or
   * ERR_PUBLISH_BACKPRESSURE; nothing is to be published then.
   */
  checkIn(prepared: PreparedTask): Promise<PreparedTask> | undefined {
    const { store, config } = this.#parts;
    if (prepared.body.length <= config.payload_threshold) return undefined;
    if (store !== undefined) return this.#put(prepared, store);
    this.#warn(prepared);
    return undefined;
  }

  async #put(prepared: PreparedTask, store: PayloadStore): Promise<PreparedTask> {
    const { config, clock } = this.#parts;
    const { id, name: task, body } = prepared;
    if (body.length > config.max_payload_size) throw tooLarge(outgoing(prepared), config.max_payload_size);
    const waiting = { count: this.#count, bytes: this.#bytes };
    if (this.#count > 0 && this.#bytes + body.length > config.max_unsettled_bytes)
      throw backpressure(outgoing(prepared), waiting);
    this.#count++;
    this.#bytes += body.length;
    const abort = new AbortController();
    const sha256 = createHash('sha256').update(body).digest('hex');
    try {
      const seconds = config.payload_timeout;
      const late = (): Error => new Error(`it took longer than ${seconds} s`);
      const put = Promise.resolve(store.put(body, { id, task, sha256, signal: abort.signal }));
      const reference: unknown = await withDeadline(put, { clock, ms: seconds * 1000, late });
      if (typeof reference !== 'string' || reference.length > mostReferenceChars)
        throw new Error(`its reference is not text of at most ${mostReferenceChars} characters`);
      return { ...prepared, ...withClaim(prepared, { reference, bytes: body.length, sha256 }) };
    } catch (cause) {
      throw notStored({ id, task }, cause);
    } finally {
      abort.abort();
      this.#count--;
      this.#bytes -= body.length;
    }
  }

  #warn({ name: task, body, queue }: PreparedTask): void {
    if (this.#warned.has(task) || this.#warned.size >= mostWarned) return;
    this.#warned.add(task);
    this.#parts.logger.warn('a large message: brokers are slow with these, and keep them in memory', {
      task,
      queue,
      bytes: body.length,
      limit: this.#parts.config.payload_threshold,
      hint: 'send a reference to the data, or give the publisher and its workers a payload store',
    });
  }
}

function outgoing({ queue, body, properties }: PreparedTask): OutgoingMessage {
  return { exchange: '', routingKey: queue, body, properties };
}
