/**
 * What the main thread and the I/O thread say to each other. Everything here survives being copied between threads:
 * plain data, bytes, shared memory. Types and numbers only.
 */
import type {
  CancelledTask,
  ChannelLoss,
  Config,
  LogLevel,
  RegisteredApplication,
  Section,
  SessionEvents,
  Topology,
  TransientMessage,
} from '@celeriac/core';

import type { WireError } from './wire-error.js';

/** What the I/O thread is started with. Holds passwords: it is never logged. */
export interface Boot {
  readonly section: Section;
  /** Without what cannot be copied; `service` is filled in. */
  readonly config: Omit<Config, 'tasks' | 'events'> & {
    readonly tasks: Omit<Config['tasks'], 'connection_string'>;
    readonly events: Omit<Config['events'], 'connection_string'>;
  };
  readonly addresses: { readonly tasks: string; readonly events: string };
  readonly tls:
    | {
        readonly ca: Uint8Array | undefined;
        readonly cert: Uint8Array | undefined;
        readonly key: Uint8Array | undefined;
        readonly serverName: string | undefined;
        readonly verify: boolean | undefined;
      }
    | undefined;
  /** Where the main thread writes what becomes of deliveries. */
  readonly settlements: SharedArrayBuffer;
}

/** The two connections of a side. */
export type Which = 'consuming' | 'publishing';

/** A message to publish, as it crosses. */
export interface WireMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Uint8Array;
  readonly messageId: string;
  readonly properties: string;
  readonly mandatory: boolean;
  /** What has to exist before it is written, in order: keys of topologies told before. */
  readonly ensure: readonly string[];
  readonly timeoutMs: number | undefined;
  readonly anySize: boolean;
}

/** A message that nobody misses, as it crosses. */
export type WireTransient = Omit<TransientMessage, 'body'> & { readonly body: Uint8Array };

/** Asks for something; answered with `done` or `failed` under the same id. */
export type Request =
  | { readonly kind: 'ready'; readonly which: Which }
  | { readonly kind: 'publish'; readonly message: WireMessage }
  | { readonly kind: 'ensure'; readonly key: string; readonly topology: Topology }
  | { readonly kind: 'declare'; readonly topology: Topology }
  | { readonly kind: 'register'; readonly name: string; readonly patterns: readonly string[] }
  | { readonly kind: 'list-cancelled' | 'list-applications' }
  | { readonly kind: 'prefetch'; readonly consumer: number; readonly prefetch: number }
  | { readonly kind: 'quiet' | 'resume' | 'cancel'; readonly consumer: number }
  | { readonly kind: 'close-consumer'; readonly consumer: number }
  | { readonly kind: 'close-session'; readonly which: Which }
  | { readonly kind: 'close-sink' | 'close-transient' };

/** What requests resolve with that are answered with more than `done`. */
export interface Results {
  readonly 'list-cancelled': readonly CancelledTask[];
  readonly 'list-applications': readonly RegisteredApplication[];
}

/** Tells something; not answered. */
export type Notice =
  | {
      readonly kind: 'open-consumer';
      readonly consumer: number;
      readonly queue: string;
      readonly prefetch: number;
      readonly topologies: readonly Topology[];
      /** The number of its channel: what came on another one is lost. */
      readonly channel: SharedArrayBuffer;
    }
  | { readonly kind: 'start'; readonly consumer: number }
  | { readonly kind: 'topology'; readonly key: string; readonly topology: Topology }
  | { readonly kind: 'forget'; readonly key: string }
  | { readonly kind: 'transient'; readonly message: WireTransient }
  /** Look into the shared memory. */
  | { readonly kind: 'settled' }
  /** There was no room in the shared memory. */
  | { readonly kind: 'settle'; readonly delivery: number; readonly how: Settlement };

export type ToThread = (Request & { readonly id: number }) | Notice;

/** What becomes of a delivery. 0 is none. */
export const settlement = { ack: 1, requeue: 2, requeueAsFailure: 3 } as const;
export type Settlement = (typeof settlement)[keyof typeof settlement];

/** Deliveries of one consumer, bytes apart from the rest. */
export interface DeliveryBatch {
  readonly consumer: number;
  readonly channel: number;
  /** Per delivery: its number, flags, the lengths of its properties and of its body. */
  readonly numbers: Int32Array;
  /** Per delivery: exchange and routing key. */
  readonly names: readonly string[];
  /** Properties and bodies, one after the other. */
  readonly bytes: ArrayBuffer;
}

type SessionNews = {
  [Event in keyof SessionEvents]: {
    readonly kind: 'session';
    readonly which: Which;
    readonly event: Event;
    /** A number, a text, an error that crosses, or nothing. */
    readonly about: number | string | WireError | undefined;
  };
}[keyof SessionEvents];

export type ToMain =
  | { readonly kind: 'up' }
  | { readonly kind: 'done'; readonly ids: readonly number[] }
  /** Done, with a result. */
  | { readonly kind: 'answered'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: WireError }
  | { readonly kind: 'deliveries'; readonly batch: DeliveryBatch }
  | { readonly kind: 'channel-lost'; readonly consumer: number; readonly loss: ChannelLoss }
  | { readonly kind: 'subscribed'; readonly consumer: number }
  | {
      readonly kind: 'unsubscribed' | 'consumer-failed';
      readonly consumer: number;
      readonly error: WireError;
    }
  /** A settlement came after its channel was gone. */
  | { readonly kind: 'stale' }
  | SessionNews
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>> | undefined;
      readonly error: WireError | undefined;
    };
