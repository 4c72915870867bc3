/**
 * What the parts ask of one another: a sink that publishes, a delivery in hand, a sender of tasks. The AMQP
 * side implements them; publisher and worker are written against them.
 */

/** A header table, decoded. Null prototype: read it with ordinary property access, no key is inherited. */
export type HeaderTable = Readonly<Record<string, unknown>>;

/** AMQP basic properties, in JavaScript names. */
export interface MessageProperties {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly headers?: HeaderTable;
  readonly priority?: number;
  readonly correlationId?: string;
  readonly replyTo?: string;
  /** Milliseconds, as AMQP carries it: text. */
  readonly expiration?: string;
  readonly messageId?: string;
  /** Seconds since the epoch. */
  readonly timestamp?: number;
  readonly type?: string;
  readonly appId?: string;
}

/** A message ready for the wire. Always published persistent; `mandatory` unless it says otherwise. */
export interface OutgoingMessage {
  /** `''` is the default exchange: the routing key is then a queue's name. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  /** `messageId` is required: it stays the same on every resend. */
  readonly properties: MessageProperties & { readonly messageId: string };
  /** The properties as `writeProperties` gives them, where that was done already. */
  readonly encodedProperties?: string;
  /** False: a message that no queue takes is confirmed and dropped by the broker. Default true. */
  readonly mandatory?: boolean;
  /**
   * Called before the message is written, and again before every resend: makes sure that its target exists.
   * Returns undefined when there is nothing to wait for. A CeleriacError rejects this message only.
   */
  readonly prepare?: () => Promise<void> | undefined;
}

export interface PublishOptions {
  /** How long the publish may take, confirm included, milliseconds. Default: the sink's own. */
  readonly timeoutMs?: number;
  /** True ignores the sink's own size limit: for a message that came from the broker and goes back to it. */
  readonly anySize?: boolean;
}

/** Where messages go out. */
export interface MessageSink {
  /**
   * Resolves when the broker has confirmed the message (persistent, and routed if mandatory). Rejects with a
   * CeleriacError otherwise, at the deadline at the latest. Resends after a lost connection with the same id.
   */
  publish(message: OutgoingMessage, options?: PublishOptions): Promise<void>;
}

/** Why the channel of deliveries is gone. */
export interface ChannelLoss {
  /** AMQP's reply code, when the broker closed the channel. */
  readonly code: number | undefined;
  /** The broker's own words, or what happened here. */
  readonly text: string;
}

/** A message that nobody misses: not persistent, not confirmed, not mandatory. */
export type TransientMessage = Pick<OutgoingMessage, 'exchange' | 'routingKey' | 'body'> & {
  readonly properties: Pick<MessageProperties, 'contentType' | 'contentEncoding' | 'headers' | 'priority'>;
};

/** Where messages go out that tell of something and must hold up nothing: events for monitors. */
export interface TransientSink {
  /** Returns at once and never throws. What the connection does not take soon is dropped. */
  publish(message: TransientMessage): void;
}

/**
 * A message in hand. It is bound to the channel it came on: settled once, and on that channel only. Once the
 * channel is gone the broker has the message again, so settling does nothing but count.
 */
export interface Delivery {
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  /** True when the broker has delivered it before, to anyone. */
  readonly redelivered: boolean;
  readonly properties: MessageProperties;
  readonly body: Buffer;
  /** Why the header table could not be read; the headers are empty then. */
  readonly headerError?: string | undefined;
  /** The header table's own bytes when it could not be read, so that nothing is lost. */
  readonly rawHeaders?: Buffer | undefined;
  /** True while it can still be settled: its channel lives and nobody settled it. */
  readonly live: boolean;
  /** Calls back once when the channel is lost while unsettled. Returns a function that forgets the callback. */
  onLost(callback: (loss: ChannelLoss) => void): () => void;
  ack(): void;
  /** Gives it back to the queue. `countsAsFailure` sends basic.reject, else basic.nack. */
  requeue(countsAsFailure: boolean): void;
}

/** The receipt of a message that the broker has confirmed; of this one, or of the one that it would have doubled. */
export interface SentMessage {
  readonly id: string;
  /** Where it was published: exchange and routing key. */
  readonly exchange: string;
  readonly routingKey: string;
  /** When it is due; absent where that is at once. */
  readonly eta?: Date;
  /** The message that has the same unique key: nothing was published, and `id` is that one's. */
  readonly duplicateOf?: string;
}
