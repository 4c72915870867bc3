/** What parent and child say to one another. Plain data only: it is cloned on the way. Types only. */
import type {
  Config,
  LogLevel,
  MessageProperties,
  MalformedReason,
  Outcome,
  SendKeyStore,
  TaskMessage,
  Topology,
  TransientMessage,
} from '@celeriac/core';

import type { CancelledBy } from '../cancellation.js';
import type { Thrown } from './thrown.js';

/** The configuration without what holds passwords: a child connects to nothing. */
export type ChildConfig = Omit<Config, 'tls'>;

export type ToChild =
  | {
      readonly op: 'setup';
      /** URLs of the modules that register handlers. */
      readonly modules: readonly string[];
      readonly config: ChildConfig;
    }
  | {
      readonly op: 'run';
      readonly job: number;
      readonly message: TaskMessage;
      readonly queue: string;
      readonly redelivered: boolean;
      readonly fencing?: number | undefined;
    }
  | { readonly op: 'cancel'; readonly job: number; readonly by: CancelledBy; readonly reason: Thrown }
  | { readonly op: 'answer'; readonly call: number; readonly value?: unknown; readonly error?: Thrown }
  /** End when nothing runs. */
  | { readonly op: 'end' };

/** How code in a child can fail; the other endings are those of deliveries, and the parent's. */
type EndingInChild =
  'failed' | 'timedOut' | 'aborted' | 'revoked' | 'malformed' | 'unknown' | 'invalid' | 'expired';

/** An Outcome on its way to the parent. */
export type SentOutcome =
  | { readonly kind: 'succeeded'; readonly value: unknown; readonly valueError?: Thrown }
  | Extract<Outcome, { kind: 'checkpointed' }>
  | { readonly kind: 'replaced' }
  | {
      readonly kind: Extract<Outcome['kind'], EndingInChild>;
      readonly error: Thrown;
      readonly by?: 'shutdown' | 'lost';
      readonly reason?: MalformedReason;
    };

/** Which broker: that of tasks or that of events. */
export type CallSide = 'tasks' | 'events';

/** What handlers ask of the broker and of the key store; the parent has the connections. */
export type BrokerCall =
  | { readonly what: 'ensure'; readonly key: string; readonly topology: Topology }
  | { readonly what: 'forget'; readonly key: string }
  | {
      readonly what: 'publish';
      readonly message: {
        readonly exchange: string;
        readonly routingKey: string;
        readonly body: Uint8Array;
        readonly properties: MessageProperties & { readonly messageId: string };
        readonly mandatory?: boolean;
      };
      readonly timeoutMs?: number;
    }
  /** So many tasks of this group have to end before the body of its chord runs. */
  | { readonly what: 'chord'; readonly groupId: string; readonly size: number }
  | {
      /** An event for monitors. */
      readonly what: 'tell';
      readonly message: Omit<TransientMessage, 'body'> & { readonly body: Uint8Array };
    }
  | StoreCall;

/** A method of the key store, with what it is given. */
export type StoreCall = {
  readonly [Method in keyof SendKeyStore]: {
    readonly what: 'store';
    readonly method: Method;
    readonly given: Parameters<SendKeyStore[Method]>;
  };
}[keyof SendKeyStore];

export type FromChild =
  | { readonly op: 'ready'; readonly memory: number }
  /** It cannot work: a module does not load. */
  | { readonly op: 'unfit'; readonly error: Thrown }
  | { readonly op: 'started'; readonly job: number }
  | { readonly op: 'done'; readonly job: number; readonly outcome: SentOutcome; readonly memory: number }
  /** The handler sent another task. */
  | { readonly op: 'sent'; readonly job: number; readonly id: string }
  | { readonly op: 'progress'; readonly job: number; readonly value: unknown }
  | { readonly op: 'log'; readonly level: LogLevel; readonly message: string; readonly fields: SentFields }
  | { readonly op: 'call'; readonly call: number; readonly side: CallSide; readonly ask: BrokerCall }
  /** Its last words: what was thrown where nobody caught it. */
  | { readonly op: 'dying'; readonly error: Thrown };

export interface SentFields {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly error?: Thrown;
}
