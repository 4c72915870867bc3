/**
 * A worker's ear for remote control: a queue of its own on Celery's exchanges, requests in and answers out, in the
 * consuming connection's care. Survives what its connection survives. Knows no command, and nothing that arrives here,
 * malformed or hostile, reaches further than a log line and an error as the answer.
 */
import { randomUUID } from 'node:crypto';

import {
  type Config,
  controlExchange,
  controlExchanges,
  type ControlReply,
  controlReplyExchange,
  type ControlRequest,
  type Clock,
  decodeControlReply,
  decodeControlRequest,
  type Delivery,
  encodeControlReply,
  encodeControlRequest,
  type EncodedMessage,
  isCeleriacError,
  type Logger,
  mailbox,
} from '@celeriac/core';

import type { Side, SideConsumer } from '../side.js';
import type { LogicalClock } from './logical-clock.js';
import { isMeant } from './node-name.js';

export interface MailboxParts {
  readonly side: Side;
  readonly config: Config;
  readonly node: string;
  readonly lamport: LogicalClock;
  /** The answer to a request. Never rejects. */
  readonly answer: (request: ControlRequest) => Promise<unknown>;
  /** Others answered what this node asked. Must not throw. */
  readonly heard: (reply: ControlReply) => void;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Requests in hand at once: what they hold in memory is bounded by it. */
const prefetch = 8;
const publishMs = 5_000;
const longestQueueName = 255;

export class Mailbox {
  readonly consumer: SideConsumer;
  #parts: MailboxParts;
  /** Addresses replies to this node. */
  #replyKey = randomUUID();
  /** Of what it asked itself. */
  #ticket = randomUUID();
  #isWarned = false;

  constructor(parts: MailboxParts) {
    this.#parts = parts;
    const { side, config, node, logger, clock } = parts;
    const queue = [node, this.#replyKey, controlExchange(config)].join('.').slice(-longestQueueName);
    const topology = mailbox(config, { queue, replyKey: this.#replyKey, hearsRequests: true });
    this.consumer = side.openConsumer({
      queue,
      prefetch,
      declare: () => side.declarer.declare(topology),
      onDelivery: (delivery) => void this.#take(delivery),
      logger,
      clock,
    });
  }

  /** Asks all other nodes; their answers are `heard`. Never rejects: they may not be there. */
  async ask(method: string, args: Readonly<Record<string, unknown>>): Promise<void> {
    const { config, lamport, logger } = this.#parts;
    const replyTo = { exchange: controlReplyExchange(config), routingKey: this.#replyKey };
    const request = { method, args, ticket: this.#ticket, replyTo, clock: lamport.forward() };
    const message = encodeControlRequest(request, { id: randomUUID() });
    try {
      await this.#publish(message, { exchange: controlExchange(config), routingKey: '' });
    } catch (error) {
      logger.debug('other workers could not be asked', { method, error });
    }
  }

  async #take(delivery: Delivery): Promise<void> {
    const { config, logger } = this.#parts;
    try {
      if (delivery.exchange === controlReplyExchange(config)) this.#hear(delivery);
      else await this.#answer(delivery);
    } catch (error) {
      logger.error('a message of remote control could not be handled', { error });
    } finally {
      if (delivery.live) delivery.ack();
    }
  }

  #hear(delivery: Delivery): void {
    const { lamport, heard } = this.#parts;
    const reply = decodeControlReply(delivery);
    if (!reply.ok) {
      this.#malformed(reply.problem);
      return;
    }
    if (reply.message.ticket !== this.#ticket) return; // of nothing that was asked here
    lamport.adjust(reply.message.clock);
    heard(reply.message);
  }

  async #answer(delivery: Delivery): Promise<void> {
    const { lamport, node, answer } = this.#parts;
    const decoded = decodeControlRequest(delivery);
    if (!decoded.ok) {
      this.#malformed(decoded.problem);
      return;
    }
    const request = decoded.message;
    lamport.adjust(request.clock);
    if (request.ticket === this.#ticket || !isMeant(request, node)) return;
    const value = await answer(request);
    if (request.replyTo !== undefined) await this.#reply(request, value);
  }

  async #reply({ replyTo, ticket, method }: ControlRequest, value: unknown): Promise<void> {
    const { config, node, lamport, logger } = this.#parts;
    const exchange = controlReplyExchange(config);
    // Anywhere else, a stranger would have this worker publish for him, into a queue of tasks perhaps.
    if (replyTo?.exchange !== exchange) {
      logger.debug('a request wants its answer elsewhere, and gets none', { method });
      return;
    }
    try {
      const how = { id: randomUUID(), ticket, clock: lamport.forward() };
      const message = encodeControlReply({ node, value }, how);
      await this.#publish(message, { exchange, routingKey: replyTo.routingKey });
    } catch (error) {
      logger.debug('an answer could not be given', { method, error });
    }
  }

  /** Not mandatory: whoever asked may be gone. Exchanges are declared, since Celery's do not outlive the broker. */
  async #publish(
    message: EncodedMessage,
    to: { readonly exchange: string; readonly routingKey: string },
  ): Promise<void> {
    const { config, side } = this.#parts;
    const { sink, declarer } = side.publishing;
    const key = controlExchange(config);
    const prepare = (): Promise<void> | undefined => declarer.ensure(key, () => controlExchanges(config));
    const send = () =>
      sink.publish({ ...message, ...to, mandatory: false, prepare }, { timeoutMs: publishMs });
    try {
      await send();
    } catch (error) {
      if (!isCeleriacError(error, 'ERR_EXCHANGE_NOT_FOUND')) throw error;
      declarer.forget(key); // it was deleted in between
      await send();
    }
  }

  /** Once aloud: whoever sends one can send a million. */
  #malformed(problem: string): void {
    const { logger } = this.#parts;
    const text = 'a message of remote control cannot be read, and is dropped';
    if (this.#isWarned) logger.debug(text, { problem });
    else logger.warn(text, { problem });
    this.#isWarned = true;
  }
}
