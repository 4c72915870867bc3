/**
 * The connections to one broker: one for publishing, one for consuming, and what declares over each. A worker has
 * one side, or two when tasks and events live on different brokers.
 */
import {
  Applications,
  type BrokerOptions,
  CancelledTasks,
  type CeleriacError,
  Consumer,
  type ConsumerOptions,
  type Declarer,
  type Ensures,
  type MessageSink,
  openPublishing,
  openSession,
  type RegisteredApplication,
  type Section,
  type Session,
  type SessionPurpose,
  type TransientSink,
} from '@celeriac/core';

/** A connection, as far as a worker is concerned. */
export interface SideSession extends Pick<Session, 'events' | 'close'> {
  ready(): Promise<unknown>;
}
/** A subscription, as far as a worker is concerned. */
export type SideConsumer = Pick<
  Consumer,
  | 'events'
  | 'queue'
  | 'subscribed'
  | 'start'
  | 'setPrefetch'
  | 'quiet'
  | 'resume'
  | 'cancel'
  | 'flush'
  | 'close'
>;

/** What a worker needs of a broker. A port: `openSide` connects to one, and `@celeriac/testing` does without. */
export interface Side {
  readonly publishing: {
    readonly session: SideSession;
    readonly sink: MessageSink & { close(): Promise<void> };
    /** For events of monitoring. */
    readonly transient: TransientSink & { close(): Promise<void> };
    readonly declarer: Ensures;
  };
  /** The consuming session. */
  readonly session: SideSession;
  readonly declarer: Pick<Declarer, 'declare'>;
  readonly openConsumer: (options: Omit<ConsumerOptions, 'session'>) => SideConsumer;
  /** The list of applications. */
  readonly applications: {
    register(name: string, patterns: readonly string[]): Promise<unknown>;
    list(): Promise<readonly RegisteredApplication[]>;
  };
  /** Tasks that were cancelled before. */
  readonly cancelled: Pick<CancelledTasks, 'list'>;
}

export type OpenSide = (options: BrokerOptions, section: Section) => Side;

/** `properties: 'raw'` is for one who hands deliveries on as they came. */
export function openSide(
  options: BrokerOptions,
  section: Section,
  { properties }: Pick<SessionPurpose, 'properties'> = {},
): Side {
  const { config, clock } = options;
  const session = openSession(options, {
    section,
    role: 'worker',
    heartbeat: config.events.consumer_heartbeat,
    properties,
  });
  const publishing = openPublishing(options, section);
  const declarer = publishing.declarer.over(session);
  return {
    publishing,
    session,
    declarer,
    openConsumer: (consumer) => new Consumer({ ...consumer, session }),
    applications: new Applications({ config, clock, ...publishing }),
    cancelled: new CancelledTasks({ config, clock, session: publishing.session }),
  };
}

/** Resolves when both connections are up; rejects when the broker refuses them for good. */
export async function sideReady({ publishing, session }: Side): Promise<void> {
  await Promise.all([session.ready(), publishing.session.ready()]);
}

export interface SideListeners {
  readonly lost: (error: CeleriacError) => void;
  readonly restored: (generation: number) => void;
  readonly blocked: (reason: string) => void;
  readonly unblocked: () => void;
}

/** Losing and regaining is told of the consuming connection, blocking of the publishing one. */
export function watchSide({ publishing, session }: Side, listeners: SideListeners): void {
  session.events.on('lost', listeners.lost);
  session.events.on('restored', listeners.restored);
  publishing.session.events.on('blocked', listeners.blocked);
  publishing.session.events.on('unblocked', listeners.unblocked);
}

export async function closeSide({ publishing, session }: Side): Promise<void> {
  await publishing.transient.close(); // what was told last still goes out
  const closed = publishing.sink.close();
  await Promise.all([publishing.session.close(), session.close()]);
  await closed;
}
