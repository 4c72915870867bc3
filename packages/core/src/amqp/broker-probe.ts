/** What a broker is, and whether it takes a message and returns it. Leaves no trace there. */
import type { ChannelModel, ConfirmChannel } from 'amqplib';

import type { Clock } from '../clock.js';
import { withDeadline } from '../deadline.js';
import { CeleriacError } from '../errors.js';
import { replyCode } from './channel-error.js';
import { type ChannelEnd, endOf } from './channel-supervisor.js';
import { serverVersion } from './server-version.js';
import type { Session } from './session.js';

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
