/**
 * Tries things on a broker without leaving a trace: what it is, whether it takes and returns a message, and how a queue
 * differs from how it would be declared. A queue is looked for passively first, and only one that is there is declared
 * again, which changes nothing.
 */
import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib';

import type { Clock } from '../clock.js';
import { withDeadline } from '../deadline.js';
import { CeleriacError, errorText } from '../errors.js';
import { type Inequivalence, inequivalentArgument, replyCode } from './channel-error.js';
import { type ChannelEnd, endOf } from './channel-supervisor.js';
import { serverVersion, understoodArguments } from './server-version.js';
import type { Session } from './session.js';
import type { QueueSpec } from './topology.js';

export interface BrokerProbeOptions {
  readonly session: Session;
  readonly clock: Clock;
  /** How long the broker may take for one answer. */
  readonly timeoutMs: number;
}

/** What a broker says of itself. */
export interface BrokerFacts {
  /** `RabbitMQ`; empty where it does not say. */
  readonly product: string;
  readonly version: string | undefined;
  readonly cluster: string | undefined;
  /** Seconds, as agreed for this connection; 0 is off. */
  readonly heartbeat: number;
}

/** How a queue compares with its specification. */
export type QueueComparison =
  | { readonly state: 'same' | 'missing' | 'refused' }
  | { readonly state: 'differs'; readonly difference: Inequivalence };

export class BrokerProbe {
  #options: BrokerProbeOptions;
  #connection: ChannelModel;

  private constructor(options: BrokerProbeOptions, connection: ChannelModel) {
    this.#options = options;
    this.#connection = connection;
  }

  /** Rejects with why there is no connection. */
  static async open(options: BrokerProbeOptions): Promise<BrokerProbe> {
    return new BrokerProbe(options, await options.session.ready({ timeoutMs: options.timeoutMs }));
  }

  get facts(): BrokerFacts {
    const { serverProperties = {}, heartbeat } = this.#connection.connection as unknown as {
      serverProperties?: { product?: unknown; cluster_name?: unknown };
      heartbeat?: number;
    };
    const { product, cluster_name: cluster } = serverProperties;
    return {
      product: typeof product === 'string' ? product : '',
      version: serverVersion(this.#connection),
      cluster: typeof cluster === 'string' ? cluster : undefined,
      heartbeat: heartbeat ?? 0,
    };
  }

  /**
   * A message to ourselves, over a queue of this connection. Rejects with ERR_PUBLISH_BLOCKED when it is not back in time,
   * with ERR_TOPOLOGY_REFUSED where the user may not have such a queue.
   */
  async roundTrip(queue: string): Promise<void> {
    const { clock, timeoutMs: ms, session } = this.#options;
    const channel = await this.#connection.createConfirmChannel();
    const ended = endOf(channel);
    try {
      const late = (): CeleriacError => notBack(ms, session.blocked);
      await withDeadline(Promise.race([thereAndBack(channel, queue), failing(ended)]), { clock, ms, late });
    } catch (error) {
      throw (error as { code?: unknown }).code === replyCode.accessRefused ? mayNot(queue, error) : error;
    } finally {
      channel.close().catch(() => undefined); // closed by the broker already
    }
  }

  /** Rejects where the connection goes, or nothing answers. */
  async compare({ name, arguments: wanted }: QueueSpec): Promise<QueueComparison> {
    const { understood } = understoodArguments(wanted, serverVersion(this.#connection));
    try {
      await this.#ask((channel) => channel.checkQueue(name));
      await this.#ask((channel) => channel.assertQueue(name, { durable: true, arguments: understood }));
      return { state: 'same' };
    } catch (error) {
      const difference = inequivalentArgument(errorText(error));
      if (difference !== undefined) return { state: 'differs', difference };
      const { code } = error as { code?: unknown };
      if (code === replyCode.notFound) return { state: 'missing' };
      if (code === replyCode.accessRefused || code === replyCode.resourceLocked) return { state: 'refused' };
      throw error;
    }
  }

  /** An error closes the channel: each question has one of its own. */
  async #ask(question: (channel: Channel) => Promise<unknown>): Promise<void> {
    const { clock, timeoutMs: ms } = this.#options;
    const channel = await this.#connection.createChannel();
    void endOf(channel);
    await withDeadline(question(channel), { clock, ms, late: () => silent(ms) });
    channel.close().catch(() => undefined); // it goes with the connection at the latest
  }
}

async function thereAndBack(channel: ConfirmChannel, queue: string): Promise<void> {
  await channel.assertQueue(queue, { exclusive: true, autoDelete: true, durable: false });
  const back = new Promise<void>((resolve) => {
    void channel.consume(queue, () => resolve(), { noAck: true });
  });
  channel.sendToQueue(queue, Buffer.from('{}'), { contentType: 'application/json', mandatory: true });
  await channel.waitForConfirms();
  await back;
}

/** An error closes the channel, and what is in flight on it may never be answered. */
async function failing(ended: Promise<ChannelEnd>): Promise<never> {
  const { code, text, cause } = await ended;
  throw Object.assign(new Error(text, { cause }), { code });
}

function mayNot(queue: string, cause: unknown): CeleriacError {
  return new CeleriacError('ERR_TOPOLOGY_REFUSED', {
    message: `The user may not have the queue '${queue}', which was only to be tried.`,
    hint: 'Nothing is wrong if the user is meant to be kept to certain names.',
    values: { queue },
    cause,
  });
}

function notBack(ms: number, blocked: string | undefined): CeleriacError {
  const why = blocked === undefined ? '' : `: it blocks publishers (${blocked})`;
  return new CeleriacError('ERR_PUBLISH_BLOCKED', {
    message: `The broker did not take a message and return it within ${ms / 1000} s${why}.`,
    hint: 'Look for a memory or disk alarm (rabbitmq-diagnostics alarms), and for a node that is overloaded.',
    values: { blocked },
  });
}

function silent(ms: number): CeleriacError {
  return new CeleriacError('ERR_CHANNEL_CLOSED', {
    message: `The broker did not answer within ${ms / 1000} s.`,
    hint: 'Look for a queue without a leader, or an alarm (rabbitmq-diagnostics alarms).',
  });
}
