/** A channel for declarations, which an error reply closes: the next one gets another. Decides nothing about errors. */
import type { Channel, ChannelModel } from 'amqplib';

import type { Clock } from '../clock.js';
import { withDeadline } from '../deadline.js';
import { endOf } from './channel-supervisor.js';
import { answerMs, unanswered } from './declare-error.js';
import { serverVersion } from './server-version.js';

/** A channel for declarations, replaced whenever an error closed it. */
export class DeclareChannel {
  #clock: Clock;
  #connection: ChannelModel;
  #channel: Channel | undefined;

  constructor(connection: ChannelModel, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  get serverVersion(): string | undefined {
    return serverVersion(this.#connection);
  }

  async run<T>(declare: (channel: Channel) => Promise<T>): Promise<T> {
    if (this.#channel === undefined) {
      const channel = await this.#connection.createChannel();
      void endOf(channel).then(() => {
        if (this.#channel === channel) this.#channel = undefined;
      });
      this.#channel = channel;
    }
    const channel = this.#channel;
    try {
      // A queue whose leader is gone answers nothing, for as long as the connection lives.
      return await withDeadline(declare(channel), { clock: this.#clock, ms: answerMs, late: unanswered });
    } catch (error) {
      this.#channel = undefined; // an error reply always closes the channel (AMQP 0-9-1 §4.10.2)
      throw error;
    }
  }

  close(): void {
    this.#channel?.close().catch(() => undefined); // closed already: that is what was wanted
    this.#channel = undefined;
  }
}
