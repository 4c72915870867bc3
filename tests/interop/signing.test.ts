/** Signatures between Python's Celery and us: a Python producer that signs, and a Python worker that need not care. */
import { readFile } from 'node:fs/promises';

import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { pythonSends, pythonSigns, PythonWorker, requireCelery } from '../support/python.js';
import { letters, secrets, signedConfig, signing } from '../support/signing.js';

const celery = { tasks: { compatibility: 'celery' as const } };

describe('signed messages beside Python', function () {
  before(function () {
    requireRabbit(this);
    requireCelery(this);
  });

  it('of a producer that signs in before_task_publish run here, with eta, expiry and retries; unsigned ones do not', async () => {
    await using vhost = await Vhost.create();
    const strict = signing('worker', ['main'], { require: true });
    await using watched = new WatchedWorker(signedConfig(vhost.url, strict, celery));
    const calls: unknown[] = [];
    const record = (...args: unknown[]): void => {
      calls.push(args[0]);
      if (args[0] === 'now' && calls.length === 1) throw new Error('again, please');
    };
    watched.worker.task('interop.record', record, { retry: { backoff: 'fixed', delay: '1s' } });
    await watched.worker.start();

    const [signed, [unsigned], forged] = await Promise.all([
      pythonSigns(vhost.url, { id: 'main', secret: secrets.main }),
      pythonSends(vhost.url, 'delay'),
      pythonSigns(vhost.url, { id: 'main', secret: secrets.old }),
    ]);

    // The one with a countdown came early and was moved into the broker first; one was tried again.
    await watched.untilSettled(signed.length + 2 + 1 + forged.length);
    expect(calls.slice().sort()).to.deep.equal(['expires', 'later', 'now', 'now', 'plainly']);
    const refused = await letters(vhost, 'celery');
    expect(refused).to.have.deep.members([
      [unsigned!.id, 'signature', 'unsigned'],
      ...forged.map(({ id }) => [id, 'signature', 'bad-signature']),
    ]);
  });

  it('run on a Python worker as unsigned ones do', async () => {
    await using vhost = await Vhost.create();
    await using python = await PythonWorker.start(vhost.url);
    await using sender = await WatchedPublisher.open(signedConfig(vhost.url, signing('main'), celery));

    const { id } = await sender.publisher.send('interop.record', ['to Python']);

    const [record] = await python.untilRecorded(1);
    expect(record).to.deep.include({ id, args: ['to Python'] });
  });

  it('are made by the program that the guide shows', async () => {
    const read = (path: string): Promise<string> =>
      readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');
    const program = await read('tests/support/python/signing_send.py');
    const shown = program
      .split('# --- shown in docs/security.md: keep both alike\n')[1]!
      .split('# --- end')[0]!;

    expect(await read('docs/security.md')).to.include(shown.trim());
  });
});
