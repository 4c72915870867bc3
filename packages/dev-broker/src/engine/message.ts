/** A message as the broker keeps it, and its place in a queue. Data only. */

/** Basic properties as they came, and the few the broker itself reads. */
export interface Properties {
  /** Flags and values, as in a content header frame. */
  readonly raw: Buffer;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly persistent: boolean;
  readonly priority: number;
  /** Milliseconds, as text: AMQP carries it so. */
  readonly expiration: string | undefined;
}

export interface Message {
  readonly exchange: string;
  readonly routingKey: string;
  readonly properties: Properties;
  readonly body: Buffer;
  /** Further routing keys, from the headers `CC` and `BCC` of the message as it was published. */
  readonly copies?: readonly string[];
  /** The broker itself wrote its `x-death`: it has died before. */
  readonly hasDied?: boolean;
}

/** A message in a queue. */
export interface Entry {
  readonly message: Message;
  /** Order within the queue: what is returned goes back to where it was. */
  readonly position: number;
  /** Milliseconds of the clock; absent: never. */
  readonly expiresAt: number | undefined;
  redelivered: boolean;
  /** How often it came back in a way that counts towards the delivery limit of a quorum queue. */
  deliveryCount: number;
  /** How often it came back at all. Absent: as often as `deliveryCount` says. */
  acquiredCount?: number;
}
