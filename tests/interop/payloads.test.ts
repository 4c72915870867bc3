/** A Python worker that meets a task whose body is kept elsewhere: it refuses it once, and goes on. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createPublisher, filePayloadStore } from '@celeriac/publisher';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor } from '../support/clients.js';
import { PythonWorker, requireCelery } from '../support/python.js';
import { waitFor } from '../support/wait-for.js';

describe('a Python worker and a body that is kept elsewhere', function () {
  before(function () {
    requireRabbit(this);
    requireCelery(this);
  });

  it('refuses it without running the task, rejects it once, and runs what comes after', async () => {
    await using vhost = await Vhost.create();
    await using python = await PythonWorker.start(vhost.url);
    const directory = await mkdtemp(join(tmpdir(), 'celeriac-payloads-'));
    try {
      const config = configFor(vhost.url, { tasks: { compatibility: 'celery', payload_threshold: 1024 } });
      const payloadStore = filePayloadStore(directory);
      await using publisher = await createPublisher({ config, env: {}, payloadStore });

      await publisher.send('interop.record', ['x'.repeat(5000)]);
      const { id } = await publisher.send('interop.record', ['after']);

      const [record] = await python.untilRecorded(1);
      expect(record).to.deep.include({ id, args: ['after'] });
      await waitFor(() => /untrusted content of type application\/vnd\.celeriac\.payload/u.test(python.log), {
        what: `its refusal; the worker's log:\n${python.log}`,
      });
      expect(python.log.match(/vnd\.celeriac\.payload/gu)?.length).to.be.within(1, 4);
      expect(await vhost.depth('celery')).to.equal(0);
      expect(await vhost.unacknowledged('celery')).to.equal(0);
      expect((await python.stop()).length).to.equal(1);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
