/**
 * Writes results as replies: to the queue that the sender named, with the correlation id of its message. A reply that
 * no queue takes has nobody to read it, and counts as written.
 *
 * Source: celery/backends/rpc.py (`store_result`).
 */
import type { Clock } from '../clock.js';
import { isCeleriacError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { MessageSink } from '../ports.js';
import { encodeResult, type NewResult, type ResultTarget } from '../protocol/result.js';
import type { ResultWriter } from './result-store.js';

export interface RpcWriterOptions {
  readonly sink: MessageSink;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class RpcWriter implements ResultWriter {
  #options: RpcWriterOptions;

  constructor(options: RpcWriterOptions) {
    this.#options = options;
  }

  accepts({ replyTo }: ResultTarget): boolean {
    return replyTo !== undefined && replyTo !== '';
  }

  async write(target: ResultTarget, result: NewResult): Promise<void> {
    const { sink, clock, logger } = this.#options;
    const { id, replyTo = '', correlationId = id } = target;
    const body = Buffer.from(encodeResult(target, result, { form: 'rpc', now: clock.now() }));
    const properties = {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      correlationId,
      messageId: id,
      priority: 0,
      headers: {},
    };
    try {
      await sink.publish({ exchange: '', routingKey: replyTo, body, properties });
    } catch (error) {
      if (!isCeleriacError(error, 'ERR_PUBLISH_UNROUTABLE')) throw error;
      logger.debug('nobody reads the result: the reply queue is gone', { id, replyTo });
    }
  }

  /** The sink is the worker's. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
