/** Where the I/O thread starts: opens the side it was started for, and serves it until it is terminated. */
import { parentPort, workerData } from 'node:worker_threads';

import { type Config, parseConnectionString, systemClock } from '@celeriac/core';

import { openSide } from '../side.js';
import { forwardingLogger } from './forwarding-logger.js';
import { Host } from './host.js';
import { Outbox } from './outbox.js';
import type { Boot } from './protocol.js';

if (parentPort !== null) serve(workerData as Boot);

function serve({ section, config: plain, addresses, tls, settlements }: Boot): void {
  const port = parentPort as NonNullable<typeof parentPort>;
  const outbox = new Outbox(port);
  const config: Config = {
    ...plain,
    tasks: { ...plain.tasks, connection_string: parseConnectionString(addresses.tasks) },
    events: { ...plain.events, connection_string: parseConnectionString(addresses.events) },
  };
  const access = {
    tls: tls && { ...tls, ca: buffer(tls.ca), cert: buffer(tls.cert), key: buffer(tls.key) },
    embedded: new Map<never, never>(), // the addresses are those it listens at
  };
  const logger = forwardingLogger(outbox);
  const side = openSide({ config, logger, clock: systemClock, access }, section, { properties: 'raw' });
  new Host({ port, side, outbox, settlements, clock: systemClock });
  outbox.add({ kind: 'up' });
}

function buffer(bytes: Uint8Array | undefined): Buffer | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes);
}
