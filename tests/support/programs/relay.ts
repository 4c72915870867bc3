/** A relay process for tests. Arguments: connection string of PostgreSQL, schema, connection string of the broker. */
import { createLogger } from '@celeriac/core';
import { OutboxRelay, PostgresOutboxStore } from '@celeriac/outbox';
import { createPublisher } from '@celeriac/publisher';
import pg from 'pg';

const [database = '', schema = '', url = ''] = process.argv.slice(2);
const logger = createLogger({ level: 'warn' });
const pool = new pg.Pool({ connectionString: database });
const store = new PostgresOutboxStore({ pool, schema, listen: () => pool.connect() });
const publisher = await createPublisher({
  config: { events: { connection_string: url } },
  env: {},
  logger,
});
const relay = new OutboxRelay({ store, publisher, logger, batchSize: 20, poll: '50ms' }).start();
process.once('SIGTERM', () => {
  void relay
    .stop()
    .then((report) => console.log('stopped', JSON.stringify(report)))
    .then(() => publisher.close())
    .then(() => pool.end());
});
console.log('ready');
