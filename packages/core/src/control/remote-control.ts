/**
 * The side of remote control that asks: questions and commands to workers, Celery's and ours, over the broker, and
 * cancelling tasks. Opens no connections.
 */
import { callOverControl } from '../amqp/control-call.js';
import type { Declarer } from '../amqp/declare.js';
import type { Session } from '../amqp/session.js';
import type { Clock } from '../clock.js';
import { type Duration, parseDuration } from '../config/duration.js';
import type { Config } from '../config/types.js';
import { type ControlRequest, decodeControlReply, encodeControlRequest } from '../protocol/pidbox.js';
import type { Received } from '../protocol/received.js';
import { type CancelOptions, type CancelReport, cancelReport, cancelRequest } from './cancel.js';
import { CancelledTasks } from './cancelled-tasks.js';
import type { ControlAnswer } from './control-answer.js';
import { controlExchange, controlExchanges, controlReplyExchange, mailbox } from './topology.js';

export interface ControlOptions {
  /** Only these workers, by their full names; they are waited for no longer than until all have answered. */
  readonly destination?: readonly string[] | undefined;
  /** Only workers whose names match; `*` is any text, `?` one character. */
  readonly pattern?: string | undefined;
  /** How long answers are waited for. Default 1 s, as Celery does: nobody knows how many workers there are. */
  readonly timeout?: Duration | undefined;
}

export interface RemoteControlParts {
  readonly config: Config;
  readonly session: Session;
  readonly declarer: Declarer;
  readonly clock: Clock;
  readonly newId: () => string;
}

/** Answers of one call that are kept: there are not so many workers. */
const mostAnswers = 10_000;

export class RemoteControl {
  #parts: RemoteControlParts;
  #cancelled: CancelledTasks;

  constructor(parts: RemoteControlParts) {
    this.#parts = parts;
    this.#cancelled = new CancelledTasks(parts);
  }

  /** Asks, and resolves with the answers, in the order they came. Rejects with what kept the question from going out. */
  async call(
    method: string,
    args: Readonly<Record<string, unknown>> = {},
    options: ControlOptions = {},
  ): Promise<readonly ControlAnswer[]> {
    const { config, newId } = this.#parts;
    const ticket = newId();
    const replyKey = newId();
    const queue = `${replyKey}.${controlReplyExchange(config)}`;
    const replyTo = { exchange: controlReplyExchange(config), routingKey: replyKey };
    const answers: ControlAnswer[] = [];
    const enough = options.destination?.length ?? mostAnswers;
    const take = (received: Received): boolean => {
      const reply = decodeControlReply(received);
      // Without a ticket it is taken as current, as kombu does.
      if (reply.ok && (reply.message.ticket ?? ticket) === ticket) answers.push(...reply.message.answers);
      return answers.length >= enough;
    };
    const waitMs = parseDuration(options.timeout ?? 1) * 1000;
    await this.#send(
      { ...addressed(method, args, options), replyTo, ticket },
      { queue, replyKey, waitMs, take },
    );
    return answers;
  }

  /** Tells, and waits for no answer. Resolves when the broker has taken it. */
  async cast(
    method: string,
    args: Readonly<Record<string, unknown>> = {},
    options: Omit<ControlOptions, 'timeout'> = {},
  ): Promise<void> {
    await this.#send(addressed(method, args, options));
  }

  /** See `TaskCanceller.cancel`. */
  async cancel(ids: string | readonly string[], options: CancelOptions = {}): Promise<CancelReport> {
    const { clock, config } = this.#parts;
    const request = cancelRequest([ids].flat(), options, { now: clock.now(), tasks: config.tasks });
    // Before it is told: a worker that starts in between has heard it one way or the other.
    await this.#cancelled.add(request.ids, request.until);
    const answers = await this.call('revoke', request.args, { timeout: options.timeout });
    return cancelReport(request, answers);
  }

  async #send(request: ControlRequest, answers?: Answers): Promise<void> {
    const { config, clock, newId, session, declarer } = this.#parts;
    const expires = answers === undefined ? 0 : (clock.now() + answers.waitMs) / 1000;
    const topology =
      answers === undefined
        ? controlExchanges(config)
        : mailbox(config, { ...answers, hearsRequests: false });
    const message = encodeControlRequest(request, { id: newId(), expires });
    await callOverControl({
      ...{ session, declarer, clock, topology, message, answers },
      exchange: controlExchange(config),
    });
  }
}

interface Answers {
  readonly queue: string;
  readonly replyKey: string;
  readonly waitMs: number;
  readonly take: (answer: Received) => boolean;
}

function addressed(
  method: string,
  args: Readonly<Record<string, unknown>>,
  { destination, pattern }: ControlOptions,
): ControlRequest {
  return {
    method,
    args,
    ...(destination === undefined ? {} : { destination }),
    ...(pattern === undefined ? {} : { pattern: { text: pattern, matcher: 'glob' } }),
  };
}
