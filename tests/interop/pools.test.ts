/** Limits that Python programs send along, kept by pools of a Node worker over RabbitMQ. */
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedWorker } from '../support/clients.js';
import { errorOf, handlers } from '../support/pool-scene.js';
import { pythonSends, requireCelery } from '../support/python.js';

describe('a Node worker with a pool', function () {
  before(function () {
    requireRabbit(this);
    requireCelery(this);
  });

  for (const pool of ['threads', 'processes'] as const) {
    it(`ends an endless loop at Celery's time_limit, in ${pool}`, async () => {
      await using vhost = await Vhost.create();
      const config = configFor(vhost.url, { tasks: { compatibility: 'celery' }, task_handler: { pool } });
      await using watched = new WatchedWorker(config, { handlers });
      await watched.worker.start();

      const [call] = await pythonSends(vhost.url, 'limited');
      const [settled] = await watched.untilSettled(1);

      expect(settled?.id).to.equal(call?.id);
      expect(settled?.outcome).to.include({ kind: 'timedOut', limitMs: 1500 });
      expect(errorOf(settled!)).to.include({ code: 'ERR_HARD_TIME_LIMIT' });
      const [letter] = await vhost.take('celery.dead-letter');
      expect(letter?.properties.headers).to.include({
        'celeriac-reason': 'timed-out',
        'celeriac-error-type': 'ERR_HARD_TIME_LIMIT',
      });
      expect(watched.log.matching(/over its soft time limit/u)).to.have.length(1);
    });
  }

  it('counts crashes on the message, and tells of them in its dead letter', async () => {
    await using vhost = await Vhost.create();
    const config = configFor(vhost.url, {
      tasks: { compatibility: 'celery' },
      task_handler: { pool: 'processes', max_crashes: 2, retry: { delay: '1ms' } },
    });
    await using watched = new WatchedWorker(config, { handlers });
    await watched.worker.start();

    const [call] = await pythonSends(vhost.url, 'deadly');
    const settled = await watched.untilSettled(2);

    expect(settled.map(({ id }) => id)).to.deep.equal([call?.id, call?.id]);
    const [letter] = await vhost.take('celery.dead-letter');
    expect(letter?.properties.headers).to.include({
      'celeriac-reason': 'crashed',
      'celeriac-crashes': 2,
      'celeriac-error-type': 'ERR_CHILD_DIED',
    });
    expect(letter?.properties.headers?.['celeriac-error']).to.include('SIGKILL');
  });
});
