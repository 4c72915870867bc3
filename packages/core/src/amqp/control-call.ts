/**
 * One question to all workers: a passing queue for the answers, the question with a confirm, and what comes back until
 * the time is over. Leaves nothing behind, also when it fails. Knows nothing of what is asked.
 */
import type { ConfirmChannel, ConsumeMessage } from 'amqplib';

import type { Clock } from '../clock.js';
import { withDeadline } from '../deadline.js';
import { CeleriacError, errorText, isCeleriacError } from '../errors.js';
import type { Delivery, OutgoingMessage } from '../ports.js';
import { endOf } from './channel-supervisor.js';
import type { Declarer } from './declare.js';
import { ReceivedProperties } from './frame-reader.js';
import type { Session } from './session.js';
import type { Topology } from './topology.js';

/** What came back. */
export type ControlAnswerMessage = Pick<Delivery, 'body' | 'properties' | 'headerError'>;

export interface ControlCall {
  readonly session: Session;
  readonly declarer: Declarer;
  readonly clock: Clock;
  readonly topology: Topology;
  readonly exchange: string;
  readonly message: Pick<OutgoingMessage, 'body' | 'properties'>;
  /** Where answers arrive; undefined waits for none. */
  readonly answers?:
    | {
        readonly queue: string;
        /** How long to wait for them, milliseconds. */
        readonly waitMs: number;
        /** True ends the waiting. */
        readonly take: (answer: ControlAnswerMessage) => boolean;
      }
    | undefined;
}

/** How long the broker may take for all but the waiting. */
const brokerMs = 10_000;

/** Resolves when the time is over or `take` has enough. Rejects with why the question did not go out. */
export async function callOverControl(call: ControlCall): Promise<void> {
  const { session, declarer, clock, topology } = call;
  const ms = brokerMs + (call.answers?.waitMs ?? 0);
  const connection = await session.ready({ timeoutMs: brokerMs });
  const late = () => unanswered(call.exchange);
  let channel: ConfirmChannel | undefined;
  try {
    await withDeadline(declarer.declare(topology), { clock, ms, late });
    channel = await withDeadline(connection.createConfirmChannel(), { clock, ms, late });
    await withDeadline(ask(channel, call), { clock, ms, late });
  } catch (error) {
    throw isCeleriacError(error) ? error : interrupted(call.exchange, error);
  } finally {
    void letGo(channel, call.answers?.queue);
  }
}

async function ask(channel: ConfirmChannel, call: ControlCall): Promise<void> {
  const { clock, answers } = call;
  const ended = endOf(channel).then(({ text, cause }) => {
    throw interrupted(call.exchange, cause ?? new Error(text));
  });
  ended.catch(() => undefined); // it ends at last, when nobody waits any more
  const enough = new AbortController();
  if (answers !== undefined) {
    const hear = (message: ConsumeMessage | null): void => {
      const answer = message === null ? undefined : received(message);
      if (answer !== undefined && answers.take(answer)) enough.abort();
    };
    await channel.consume(answers.queue, hear, { noAck: true });
  }
  await Promise.race([publish(channel, call), ended]);
  if (answers !== undefined) await Promise.race([clock.sleep(answers.waitMs, enough.signal), ended]);
}

function publish(
  channel: ConfirmChannel,
  { exchange, message: { body, properties } }: ControlCall,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const { headers, ...rest } = properties;
    channel.publish(exchange, '', body, { ...rest, headers: { ...headers } }, (error: unknown) => {
      if (error === null || error === undefined) resolve();
      else reject(interrupted(exchange, error));
    });
  });
}

function received({ properties, content: body }: ConsumeMessage): ControlAnswerMessage | undefined {
  return properties instanceof ReceivedProperties
    ? { properties, body, headerError: properties.headerError }
    : undefined;
}

async function letGo(channel: ConfirmChannel | undefined, queue: string | undefined): Promise<void> {
  if (channel === undefined) return;
  try {
    if (queue !== undefined) await channel.deleteQueue(queue);
    await channel.close();
  } catch {
    return; // it is lost, and the queue goes with the connection
  }
}

function unanswered(exchange: string): CeleriacError {
  return new CeleriacError('ERR_PUBLISH_TIMEOUT', {
    message: `The broker did not take a message for '${exchange}' within ${brokerMs / 1000} s.`,
    hint: 'Look for a memory or disk alarm of the broker (rabbitmq-diagnostics alarms), then try again.',
    values: { exchange, outcome: 'unknown' },
  });
}

function interrupted(exchange: string, cause: unknown): CeleriacError {
  return new CeleriacError('ERR_CHANNEL_CLOSED', {
    message: `Workers were being asked through '${exchange}' when the channel was closed: ${errorText(cause)}.`,
    hint: 'Ask again; they may or may not have heard it.',
    values: { exchange, outcome: 'unknown' },
    cause,
  });
}
