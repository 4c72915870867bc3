/**
 * The versions of RabbitMQ that the broker can behave like, as data: what differs between them, and nothing else.
 * Sources are RabbitMQ's own, at the tags v3.10.8, v3.13.7 and v4.3.0; each field names its file.
 */
import { CeleriacError } from '@celeriac/core';

export type ProfileName = '3.10' | '3.13' | '4.3';

export interface Profile {
  readonly name: ProfileName;
  /** As the server properties tell it. */
  readonly version: string;
  /** Queues that are neither durable nor exclusive may be declared (rabbit_amqqueue: `transient_nonexcl_queues`). */
  readonly transientQueues: boolean;
  /** `basic.qos` with `global` limits the channel; otherwise it is taken as without (rabbit_channel: `global_qos`). */
  readonly channelPrefetch: boolean;
  /** Whose unacknowledged deliveries time out, and so how (rabbit_channel; since 4.3 rabbit_fifo). */
  readonly consumerTimeout: 'of channels' | 'of quorum queues';
  /** Of a quorum queue that names none; absent: no limit (rabbit_quorum_queue, `DEFAULT_DELIVERY_LIMIT`). */
  readonly deliveryLimit: number | undefined;
  /** `basic.nack` counts towards the delivery limit of a quorum queue, as `basic.reject` does (rabbit_channel). */
  readonly nackCounts: boolean;
  /** `basic.get` from a quorum queue always tells the delivery count, be it 0 (rabbit_fifo_client: dequeue). */
  readonly getCountsFromZero: boolean;
  /** Quorum queues hand out by priority, 0 to 31, 4 where a message has none (rabbit_fifo, rabbit_fifo_pq). */
  readonly quorumPriorities: boolean;
  /** Dead messages say in `x-last-death-…` where they died last (mc: record_death). */
  readonly lastDeath: boolean;
  /** An `x-death` that a client wrote counts on (rabbit_dead_letter; since 4.0 mc_amqpl begins anew). */
  readonly clientDeaths: boolean;
  /** Every further death turns the order of those before it around (rabbit_dead_letter: group_by_queue_and_reason). */
  readonly turnsDeaths: boolean;
  /** `CC` goes when a dead-letter routing key replaces it (rabbit_dead_letter: make_msg). */
  readonly dropsCc: boolean;
  /** Bytes of a frame until another size is agreed, and the least that may be (rabbit_reader: `FRAME_MIN_SIZE`). */
  readonly smallestFrame: number;
  /** Bytes of a body, unless the broker is told otherwise (Makefile: `max_message_size`). */
  readonly maxMessageSize: number;
}

/** In the order of their age. */
export const profileNames: readonly ProfileName[] = ['3.10', '3.13', '4.3'];

const mebibyte = 1024 * 1024;

const profile310: Profile = {
  name: '3.10',
  version: '3.10.8',
  transientQueues: true,
  channelPrefetch: true,
  consumerTimeout: 'of channels',
  deliveryLimit: undefined,
  nackCounts: true,
  getCountsFromZero: true,
  quorumPriorities: false,
  lastDeath: false,
  clientDeaths: true,
  turnsDeaths: true,
  dropsCc: true,
  smallestFrame: 4096,
  maxMessageSize: 128 * mebibyte,
};

export const profiles: Readonly<Record<ProfileName, Profile>> = {
  '3.10': profile310,
  '3.13': {
    ...profile310,
    name: '3.13',
    version: '3.13.7',
    lastDeath: true,
    turnsDeaths: false,
    dropsCc: false,
  },
  '4.3': {
    name: '4.3',
    version: '4.3.0',
    transientQueues: false,
    channelPrefetch: false,
    consumerTimeout: 'of quorum queues',
    deliveryLimit: 20,
    nackCounts: false,
    getCountsFromZero: false,
    quorumPriorities: true,
    lastDeath: true,
    clientDeaths: false,
    turnsDeaths: false,
    dropsCc: false,
    smallestFrame: 8192,
    maxMessageSize: 16 * mebibyte,
  },
};

/** Default `3.10`. Throws ERR_INPUT_INVALID for one that there is not. */
export function profileNamed(name: ProfileName = '3.10'): Profile {
  if (Object.hasOwn(profiles, name)) return profiles[name];
  throw new CeleriacError('ERR_INPUT_INVALID', {
    message: `The embedded broker cannot behave like RabbitMQ '${name}'; it knows ${profileNames.join(', ')}.`,
    hint: 'Name the one that is nearest to yours as profile.',
    values: { profile: name },
  });
}
