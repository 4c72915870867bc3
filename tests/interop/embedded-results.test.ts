/** A thousand results by rpc:// from a Python worker to a Python program, over the embedded broker and RabbitMQ. */
import { startBroker } from '@celeriac/dev-broker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { pythonCalls, PythonWorker, requireCelery } from '../support/python.js';

const count = 1000;
const doubled = Array.from({ length: count }, (_, index) => 2 * index);

interface Subject extends AsyncDisposable {
  readonly url: string;
}

const subjects: Readonly<Record<string, () => Promise<Subject>>> = {
  'the embedded broker': () => startBroker(),
  RabbitMQ: () => Vhost.create(),
};

for (const [name, open] of Object.entries(subjects)) {
  describe(`a thousand results, over ${name}`, () => {
    let subject: Subject;
    let worker: PythonWorker;

    before(async function () {
      requireCelery(this);
      if (name === 'RabbitMQ') requireRabbit(this);
      subject = await open();
      // With `solo`, kombu 5.2 sleeps on acknowledgements: see docs/embedded-broker.md.
      const options = ['--pool=prefork', '--concurrency=2'];
      worker = await PythonWorker.start(subject.url, { app: 'canvas_app', options });
    });

    after(async () => {
      await worker[Symbol.asyncDispose]();
      await subject[Symbol.asyncDispose]();
    });

    it('of a group all come back, and in its order', async () => {
      expect(await pythonCalls(subject.url, ['grouped', count])).to.deep.equal(doubled);
    });

    it('wait for a program that begins to read when all are there', async () => {
      expect(await pythonCalls(subject.url, ['read_late', count])).to.deep.equal(doubled);
    });
  });
}
