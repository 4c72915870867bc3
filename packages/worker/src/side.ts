/**
 * The connections to one broker: one for publishing, one for consuming, and what declares over each. A worker has
 * one side, or two when tasks and events live on different brokers.
 */
import {
  type BrokerOptions,
  type CeleriacError,
  Declarer,
  openPublishing,
  openSession,
  type Publishing,
  type Section,
  type Session,
} from '@celeriac/core';

export interface Side {
  readonly publishing: Publishing;
  /** The consuming session. */
  readonly session: Session;
  readonly declarer: Declarer;
}

export function openSide(options: BrokerOptions, section: Section): Side {
  const { config, logger, clock } = options;
  const session = openSession(options, {
    section,
    role: 'worker',
    heartbeat: config.events.consumer_heartbeat,
  });
  const declarer = new Declarer({ session, logger, clock, create: config.tasks.declare_queues });
  return { publishing: openPublishing(options, section), session, declarer };
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
  const closed = publishing.sink.close();
  await Promise.all([publishing.session.close(), session.close()]);
  await closed;
}
