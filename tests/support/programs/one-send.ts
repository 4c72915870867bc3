/** Sends one task whose result it wants, says so, and stays. Arguments: address of the broker, seconds results last. */
import { createPublisher } from '@celeriac/publisher';

const [url = '', seconds = '60'] = process.argv.slice(2);
const publisher = await createPublisher({
  config: {
    events: { connection_string: url },
    tasks: { result_backend: 'rpc://', result_expires: Number(seconds), default_queue: 'unread' },
  },
  env: {},
});
await publisher.send('nobody.runs.this');
process.stdout.write('sent\n');
setInterval(() => undefined, 1000);
