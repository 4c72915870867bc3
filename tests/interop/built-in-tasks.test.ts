/** Tasks of Celery itself in a queue of Node's workers: what only Python can run waits for a Python worker. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedWorker } from '../support/clients.js';
import { pythonCalls, PythonWorker, requireCelery } from '../support/python.js';
import { waitFor } from '../support/wait-for.js';

describe("Celery's own tasks", function () {
  before(function () {
    requireRabbit(this);
    requireCelery(this);
  });

  it('pass on to Python what only Python can run', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'celery-results-'));
    try {
      await using vhost = await Vhost.create();
      // A backend that does not count chords: whoever sends one also sends celery.chord_unlock, to the body's queue.
      const env = { INTEROP_BACKEND: `file://${directory}` };
      const tasks = { compatibility: 'celery' } as const;
      const config = configFor(vhost.url, { tasks, task_handler: { queues: ['shared'] } });
      await using node = new WatchedWorker(config);
      node.worker.task('node.other', () => undefined);
      await node.worker.start();
      const options = ['--pool=prefork', '--concurrency=2', '-Q', 'celery'];
      await using _python = await PythonWorker.start(vhost.url, { app: 'canvas_app', options, env });
      const header = [1, 2, 3].map((one) => ['canvas.add', [one, one], { queue: 'celery' }]);
      const chord = [header, ['canvas.total', [], { queue: 'shared' }]];
      const running = pythonCalls(vhost.url, ['run', { chord }], env);
      await waitFor(() => node.log.matching(/only Python workers run this task/u).length > 0);
      await pythonCalls(vhost.url, ['control', 'add_consumer', ['shared']], env);
      await node.worker.stop(); // it does not know canvas.total
      expect(await running).to.deep.equal({ value: 12 });
      expect(node.log.matching(/dead-letter/u)).to.deep.equal([]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
