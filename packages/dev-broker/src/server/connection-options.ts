/** What a connection is given by its server. Types only. */
import type { Socket } from 'node:net';

import type { Clock } from '../engine/clock.js';
import type { Vhost } from '../engine/vhost.js';
import type { ConnectionFaults } from '../faults/target.js';
import type { HandshakeOptions } from './handshake.js';

export interface ConnectionOptions<Self> extends HandshakeOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  readonly vhosts: ReadonlyMap<string, Vhost>;
  readonly faults: ConnectionFaults;
  /** Called before anything is answered. What it throws closes the connection, and nothing is answered. */
  readonly keep: () => void;
  /** Milliseconds that a client may take to open it. Default 10 000. */
  readonly handshakeTimeout?: number | undefined;
  /** After its end, once. */
  readonly closed: (connection: Self) => void;
}
