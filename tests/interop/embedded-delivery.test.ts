/** What a Python worker is handed by the embedded broker: again after a crash, and by priority. */
import { writeFile } from 'node:fs/promises';

import { type DevBroker, startBroker } from '@celeriac/dev-broker';
import { expect } from 'chai';

import { pythonCalls, PythonWorker, requireCelery } from '../support/python.js';
import { waitFor } from '../support/wait-for.js';

interface Note {
  readonly id: string;
  readonly label: string;
  readonly priority?: number;
  readonly redelivered: boolean;
}

const app = 'canvas_app';
const alone = ['--pool=solo'];
const inChildren = ['--pool=prefork', '--concurrency=1'];

describe('a Python worker over the embedded broker', () => {
  let broker: DevBroker;

  before(function () {
    requireCelery(this);
  });

  beforeEach(async () => {
    broker = await startBroker();
  });

  afterEach(async () => {
    await broker.stop();
  });

  const send = (...args: unknown[]): Promise<string> => pythonCalls<string>(broker.url, ['send', ...args]);
  const depth = (): readonly [ready: number, unacknowledged: number] => {
    const celery = broker.queues('/').find(({ name }) => name === 'celery');
    return [celery?.messagesReady ?? 0, celery?.messagesUnacknowledged ?? 0];
  };

  for (const [pool, options] of Object.entries({ solo: alone, prefork: inChildren })) {
    it(`is given again what another one was killed over, and in order (${pool})`, async () => {
      await using killed = await PythonWorker.start(broker.url, { app, options });
      const kept = await send('canvas.keep', [killed.path('go')]);
      const [first] = await killed.untilRecorded<Note>(1);
      const marked = await send('canvas.mark', ['behind']);
      await waitFor(() => depth()[1] === 2, { what: 'the second to be sent ahead' });
      await killed.kill();
      await waitFor(() => depth()[0] === 2, { what: 'both to be back' });
      await using heir = await PythonWorker.start(broker.url, { app, options });
      await heir.untilRecorded(1);
      await writeFile(killed.path('go'), '');

      const notes = await heir.untilRecorded<Note>(2);
      expect(first).to.include({ id: kept, redelivered: false });
      expect(notes.map(({ id }) => id)).to.deep.equal([kept, marked]);
      expect(notes.map(({ redelivered }) => redelivered)).to.deep.equal([true, true]);
      await waitFor(() => depth().every((count) => count === 0), { what: 'everything to be acknowledged' });
    });
  }

  it('is given the highest priority first', async () => {
    const env = { INTEROP_MAX_PRIORITY: '10' };
    for (const [label, priority] of Object.entries({ low: 1, highest: 9, middle: 5, high: 8 })) {
      await pythonCalls(broker.url, ['send', 'canvas.mark', [label], { priority }], env);
    }

    await using worker = await PythonWorker.start(broker.url, { app, options: alone, env });

    const notes = await worker.untilRecorded<Note>(4);
    expect(notes.map(({ label }) => label)).to.deep.equal(['highest', 'high', 'middle', 'low']);
    expect(notes.map(({ priority }) => priority)).to.deep.equal([9, 8, 5, 1]);
  });
});
