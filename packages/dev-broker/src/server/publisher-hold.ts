/**
 * Whether a client has to wait because it publishes while publishers must not: RabbitMQ reads no further than the first
 * publish, and says so (rabbit_reader.erl: post_process_frame, maybe_block). Tells the client; stops nothing itself.
 */
import { frameType } from '../codec/frames.js';
import type { MethodName } from '../codec/methods.js';
import type { ChannelConnection } from './channel-methods.js';

type Client = Pick<ChannelConnection, 'clientCapabilities' | 'send'>;

export class PublisherHold {
  #client: Client;
  #reason: () => string | undefined;
  #isHolding = false;
  #wasTold = false;

  /** `reason`: why publishers are to wait; undefined: they are not. */
  constructor(client: Client, reason: () => string | undefined) {
    this.#client = client;
    this.#reason = reason;
  }

  get isHolding(): boolean {
    return this.#isHolding;
  }

  /** A frame of that type, or that method, was read. */
  read(type: number, method: MethodName | undefined): void {
    const reason = this.#reason();
    if (reason === undefined || (method !== 'basic.publish' && type !== frameType.body)) return;
    this.#isHolding = true;
    this.#wasTold = this.#client.clientCapabilities.has('connection.blocked');
    if (this.#wasTold) this.#client.send(0, 'connection.blocked', { reason });
  }

  /** True when the client may go on from now on. */
  release(): boolean {
    if (!this.#isHolding || this.#reason() !== undefined) return false;
    this.#isHolding = false;
    if (this.#wasTold) this.#client.send(0, 'connection.unblocked', {});
    return true;
  }
}
