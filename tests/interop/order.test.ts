/** Python and Node share the queue `celery`, whoever declares it first; neither is refused with a 406. */
import { currentTask, type TaskContext } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { pythonSends, PythonWorker, requireCelery } from '../support/python.js';
import { waitFor } from '../support/wait-for.js';

const celery = { tasks: { compatibility: 'celery' as const } };

function nodeWorker(url: string): { watched: WatchedWorker; ran: string[] } {
  const watched = new WatchedWorker(configFor(url, celery));
  const ran: string[] = [];
  watched.worker.task('interop.record', () => void ran.push((currentTask() as TaskContext).id));
  return { watched, ran };
}

describe('the queue celery', function () {
  before(function () {
    requireRabbit(this);
    requireCelery(this);
  });

  it('is used by a Node publisher and worker after a Python worker declared it', async () => {
    await using vhost = await Vhost.create();
    await using python = await PythonWorker.start(vhost.url);
    await python.stop();
    const { watched, ran } = nodeWorker(vhost.url);
    await using _watched = watched;
    await using client = await WatchedPublisher.open(configFor(vhost.url, celery));

    await watched.worker.start();
    const { id } = await client.publisher.send('interop.record', ['from Node']);
    await watched.untilSettled(1);

    expect(ran).to.deep.equal([id]);
    expect(watched.lost).to.be.empty;
    expect([...watched.log.matching(/argument/u), ...client.log.matching(/argument/u)]).to.be.empty;
  });

  it('is used by a Python worker after a Node worker and publisher declared it', async () => {
    await using vhost = await Vhost.create();
    const { watched } = nodeWorker(vhost.url);
    await using client = await WatchedPublisher.open(configFor(vhost.url, celery));
    await watched.worker.start();
    await watched.worker.stop();
    const { id } = await client.publisher.send('interop.record', ['from Node']);

    await using python = await PythonWorker.start(vhost.url);
    const [record] = await python.untilRecorded(1);

    expect(record?.id).to.equal(id);
    expect(python.log).not.to.match(/PRECONDITION_FAILED/u);
  });

  it('is shared by workers of both languages, and each task runs once on either', async () => {
    await using vhost = await Vhost.create();
    await using python = await PythonWorker.start(vhost.url);
    const { watched, ran } = nodeWorker(vhost.url);
    await using _watched = watched;
    await using client = await WatchedPublisher.open(configFor(vhost.url, celery));
    await watched.worker.start();

    const [fromPython, fromNode] = await Promise.all([
      pythonSends(vhost.url, 'many', { count: 200 }),
      client.publisher.sendMany(
        'interop.record',
        Array.from({ length: 200 }, (_, index) => [index]),
      ),
    ]);
    await python.untilRecorded(1);
    const all = async (): Promise<string[]> =>
      [...ran, ...(await python.records()).map(({ id }) => id)].sort();
    await waitFor(async () => (await all()).length >= 400, { what: '400 runs' });
    await python.stop();

    expect(await all()).to.deep.equal([...fromPython, ...fromNode].map(({ id }) => id).sort());
    expect(ran).not.to.be.empty;
    expect(await vhost.depth('celery')).to.equal(0);
  });
});
