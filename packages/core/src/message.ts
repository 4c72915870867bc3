/**
 * The envelopes, in our own words: a task message and an event message, as plain immutable data. Nothing here
 * knows how they travel: `protocol/` turns them into bytes and back.
 */

/** A JSON value; integers beyond 2^53 are BigInt, so none loses a digit. */
export type JsonValue =
  string | number | bigint | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** A request to run a task once. */
export interface TaskMessage {
  readonly kind: 'task';
  /** Stable over every copy and redelivery of the message. UUIDv4 by convention. */
  readonly id: string;
  /** The registered name, for instance `billing.charge`. */
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** How often the task was retried before this message: 0 for the first attempt. */
  readonly retries: number;
  /** Not to be started before, milliseconds since the epoch. */
  readonly eta?: number;
  /** Not to be started after, milliseconds since the epoch. */
  readonly expires?: number;
  /** Limits in seconds, as the sender asked for them. */
  readonly timeLimit: { readonly hard?: number; readonly soft?: number };
  readonly priority?: number;
  /** The first task of the workflow this one belongs to; its own id when it began one. */
  readonly rootId: string;
  /** The task that sent this one. */
  readonly parentId?: string;
  readonly group?: string;
  readonly groupIndex?: number;
  /** A name to show in place of `task`. */
  readonly shadow?: string;
  /** Who sent it: `gen<pid>@<host>`. */
  readonly origin?: string;
  /** Language of the sender: `py`, `js`. */
  readonly lang?: string;
  readonly ignoreResult?: boolean;
  /** The queue the sender reads results from. */
  readonly replyTo?: string;
  readonly correlationId?: string;
  /** What follows this task: Celery signatures, carried as they came. */
  readonly embed: TaskEmbed;
  /** True: monitors are shown no arguments. Of messages that are sent; a receiver finds none in them. */
  readonly isSensitive?: boolean;
  /** Everything in the header table that is not Celery's own. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** Celery stamps: name to value. */
  readonly stamps?: Readonly<Record<string, unknown>>;
  readonly replacedTaskNesting?: number;
  /** Where an earlier run of it left off. */
  readonly checkpoint?: TaskCheckpoint;
}

export interface TaskCheckpoint {
  readonly state: JsonValue;
  /** Checkpoints so far, this one included. */
  readonly number: number;
}

/** Canvas parts of a message body. Celery's signatures are kept verbatim. */
export interface TaskEmbed {
  readonly callbacks: readonly unknown[] | null;
  readonly errbacks: readonly unknown[] | null;
  readonly chain: readonly unknown[] | null;
  readonly chord: unknown;
}

/** What happened to an object. On the wire `created` is `new`, `updated` is `update`, and so on. */
export type EventAction = 'new' | 'update' | 'delete' | 'restore';

/** Of values whose shape is known, some, as senders write them; else anything. */
export type OriginalValues<Values> = unknown extends Values
  ? Readonly<Record<string, unknown>>
  : Readonly<Partial<Values>>;

/** A fact about an object. `Values` as a handler gets them, `Written` as senders write them. */
export interface EventMessage<Values = unknown, Written = Values> {
  readonly kind: 'event';
  /** Unique per event and source; stable over redeliveries. */
  readonly id: string;
  /** CloudEvents `type`, also the routing key: `core.limeobject.deal.update.v1`. */
  readonly type: string;
  /** CloudEvents `source`: the service that published it. */
  readonly source: string;
  /** When it happened, milliseconds since the epoch; absent when the sender did not say. */
  readonly time?: number;
  /** CloudEvents `subject`: what it is about, `deal/7` unless the publisher said otherwise. */
  readonly subject?: string;
  /** CloudEvents `dataschema`: the URI of its data's schema, where its contract names one. */
  readonly dataSchema?: string;
  /** The kind of object (`deal`) and what happened to it, read from the type; absent for foreign types. */
  readonly object?: string;
  readonly action?: EventAction;
  /** The object's id, as the publisher gave it. */
  readonly objectId?: string | number;
  /** The object's values after the event. */
  readonly values?: Values;
  /** On updates: the values that changed, as they were before. Not validated: they may be of an older shape. */
  readonly originalValues?: OriginalValues<Written>;
  /** CloudEvents `data`, whole: for events whose data is not an object's values. */
  readonly data: unknown;
  /** CloudEvents extension attributes. */
  readonly extensions: Readonly<Record<string, unknown>>;
}
