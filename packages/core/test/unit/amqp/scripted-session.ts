/** A session whose connections the test makes: real amqplib over loopback, without reconnecting by itself. */
import { EventEmitter } from 'node:events';

import { type ChannelModel, connect } from 'amqplib';

import { installFrameReader } from '../../../dist/amqp/frame-reader.js';
import type { Session, SessionEvents } from '../../../dist/amqp/session.js';
import type { CeleriacError } from '../../../dist/errors.js';

const longestMs = 5000;

/** Lets the event loop turn until `check` holds; throws when it does not within five seconds. */
export async function until(check: () => boolean): Promise<void> {
  const end = performance.now() + longestMs;
  while (!check()) {
    if (performance.now() > end) throw new Error(`never came true: ${check.toString()}`);
    await new Promise((resolve) => void setImmediate(resolve));
  }
}

/** The part of a session that publishing needs. */
export class ScriptedSession {
  readonly events: EventEmitter<SessionEvents> = new EventEmitter<SessionEvents>();
  connection: ChannelModel | undefined;
  generation = 0;
  blocked: string | undefined;
  lastError: CeleriacError | undefined;
  closed = false;

  get session(): Session {
    return this as unknown as Session;
  }

  async connect(port: number): Promise<ChannelModel> {
    const connection = await connect({ hostname: '127.0.0.1', port, heartbeat: 0 }, { noDelay: true });
    installFrameReader(connection.connection);
    connection.on('error', () => undefined); // its `close` follows
    connection.on('close', () => {
      this.connection = undefined;
    });
    this.connection = connection;
    this.generation++;
    this.events.emit('restored', this.generation);
    return connection;
  }

  async ready(): Promise<ChannelModel> {
    while (this.connection === undefined && !this.closed) {
      await new Promise((resolve) => {
        this.events.once('restored', resolve);
        this.events.once('closing', () => resolve(undefined));
      });
    }
    if (this.connection === undefined) throw new Error('closed');
    return this.connection;
  }

  block(reason: string): void {
    this.blocked = reason;
    this.events.emit('blocked', reason);
  }

  unblock(): void {
    this.blocked = undefined;
    this.events.emit('unblocked');
  }

  /** Once the broker has stopped: what waits for a connection is told that none will come. */
  async close(): Promise<void> {
    this.closed = true;
    this.events.emit('closing');
    await until(() => this.connection === undefined);
  }
}
