/** Our side of the comparison: a publisher and a worker as an application would make them. */
import { createPublisher } from '../packages/publisher/dist/index.js';
import { createWorker } from '../packages/worker/dist/index.js';

export async function openCeleriac(url, queue) {
  const config = {
    service: 'bench',
    events: { connection_string: url },
    tasks: { default_queue: queue, max_unsettled_messages: 100_000 },
    task_handler: { concurrency: 100 },
  };
  const publisher = await createPublisher({ config, env: {} });
  await publisher.ready();
  let worker;
  return {
    send: (index) => publisher.send('bench.noop', [index]),
    async consume(handle) {
      worker = createWorker({ config, env: {} });
      worker.task('bench.noop', handle);
      await worker.start();
      return () => worker.stop();
    },
    async close() {
      await publisher.close();
    },
  };
}
