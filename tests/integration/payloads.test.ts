/** Bodies that are kept outside of the broker: on their way out, back in, and when they cannot be had. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { filePayloadStore, type FilePayloadStore, payloadHeader, type PayloadStore } from '@celeriac/core';
import { createPublisher, type Publisher } from '@celeriac/publisher';
import { currentTask, Retry } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedWorker } from '../support/clients.js';
import { waitFor } from '../support/wait-for.js';

const tasks = { default_queue: 'q', payload_threshold: '64KiB' } as const;
const large = 'é'.repeat(200_000);

describe('a body that is kept elsewhere', function () {
  let directory: string;
  let store: FilePayloadStore;

  before(function () {
    requireRabbit(this);
  });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'celeriac-payloads-'));
    store = filePayloadStore(directory);
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function publisherFor(url: string, payloadStore?: PayloadStore): Promise<Publisher> {
    const config = configFor(url, { tasks });
    return createPublisher({ config, env: {}, ...(payloadStore === undefined ? {} : { payloadStore }) });
  }

  async function files(): Promise<readonly string[]> {
    const names = await readdir(directory, { recursive: true });
    return names.filter((name) => name.includes('/'));
  }

  it('comes to its handler whole, is small in the broker, and is not stored again by retries', async () => {
    await using vhost = await Vhost.create();
    let puts = 0;
    const counting: PayloadStore = {
      put: (...given) => {
        puts++;
        return store.put(...given);
      },
      get: (...given) => store.get(...given),
    };
    await using publisher = await publisherFor(vhost.url, counting);
    const config = configFor(vhost.url, { tasks });
    await using watched = new WatchedWorker(config, { payloadStore: counting });
    const seen: (readonly [number, string])[] = [];
    watched.worker.task(
      'big',
      (text: string) => {
        const { attempt } = currentTask()!;
        seen.push([attempt, text]);
        if (attempt < 3) throw new Retry({ delay: '10ms' });
      },
      { retry: { max: 3 } },
    );
    const { id } = await publisher.send('big', [large]);
    await publisher.send('big', ['small']);
    const queued = await waitFor(async () => (await vhost.depth('q')) === 2);
    expect(queued).to.equal(true);
    await watched.worker.start();

    const done = () => watched.settled.filter(({ outcome }) => outcome.kind === 'succeeded');
    await waitFor(() => done().length === 2, { what: 'both tasks to be done' });
    expect(done().map((one) => one.id)).to.include(id);
    expect(seen.filter(([, text]) => text === large).map(([attempt]) => attempt)).to.deep.equal([1, 2, 3]);
    expect(puts).to.equal(1);
    expect(await files()).to.have.length(1);
  });

  it('is fetched when its message is delayed, and when the worker sends it from within a task', async () => {
    await using vhost = await Vhost.create();
    await using publisher = await publisherFor(vhost.url, store);
    await using watched = new WatchedWorker(configFor(vhost.url, { tasks }), { payloadStore: store });
    const lengths: number[] = [];
    watched.worker.task('parent', async (text: string) => {
      await currentTask()!.tasks.send('child', [text]);
    });
    watched.worker.task('child', (text: string) => void lengths.push(text.length));
    await watched.worker.start();

    await publisher.send('parent', [large], { delay: '1s' });

    await waitFor(() => lengths.length === 1, { what: 'the child to run' });
    expect(lengths).to.deep.equal([large.length]);
    expect(await files()).to.have.length(1); // the child's arguments are the same bytes
  });

  it('is tried again while it cannot be had, then runs', async () => {
    await using vhost = await Vhost.create();
    await using publisher = await publisherFor(vhost.url, store);
    let failures = 2;
    const flaky: PayloadStore = {
      put: (...given) => store.put(...given),
      get: (...given) => (failures-- > 0 ? Promise.reject(new Error('away')) : store.get(...given)),
    };
    await using watched = new WatchedWorker(configFor(vhost.url, { tasks }), { payloadStore: flaky });
    let ran = 0;
    watched.worker.task('big', (text: string) => {
      ran += text.length;
    });
    await watched.worker.start();

    await publisher.send('big', [large]);

    await waitFor(() => ran > 0, { what: 'it to run' });
    expect(ran).to.equal(large.length);
    const kinds = watched.settled.map(({ outcome, verdict }) => [outcome.kind, verdict.kind]);
    expect(kinds.slice(0, 2)).to.deep.equal([
      ['unfetched', 'retry'],
      ['unfetched', 'retry'],
    ]);
  });

  it('that cannot be had in the end is a dead letter with its reason, and others run', async () => {
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(configFor(vhost.url, { tasks }), { payloadStore: store });
    let ran = 0;
    watched.worker.task('big', () => {
      ran++;
    });
    await watched.worker.start();
    const headers = { id: 'x', task: 'big', retries: 12 };
    const claim = { reference: 'a'.repeat(64), bytes: 3, sha256: 'a'.repeat(64) };
    const options = { contentType: 'application/vnd.celeriac.payload', correlationId: 'x', messageId: 'x' };
    await vhost.publish('q', '{}', { ...options, headers: { ...headers, [payloadHeader]: claim } });

    await waitFor(async () => (await vhost.depth('q.dead-letter')) === 1);
    const [letter] = await vhost.take('q.dead-letter');
    expect(letter?.properties.headers).to.deep.include({
      'celeriac-reason': 'payload',
      'celeriac-reason-detail': 'exhausted',
      'celeriac-attempts': 13,
      [payloadHeader]: claim,
    });
    expect(ran).to.equal(0);
  });

  it('that was changed, is larger than it may be, or leads elsewhere is a dead letter at once', async () => {
    await using vhost = await Vhost.create();
    await using publisher = await publisherFor(vhost.url, store);
    const config = configFor(vhost.url, { tasks: { ...tasks, max_payload_size: '1MiB' } });
    await using watched = new WatchedWorker(config, { payloadStore: store });
    watched.worker.task('big', () => undefined);
    await publisher.send('big', [large]);
    const [file = ''] = await files();
    const bytes = Buffer.from(
      await store.get(file.slice(3), { maxBytes: 2 ** 20, signal: new AbortController().signal }),
    );
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(join(directory, file), bytes);
    const sha256 = createHash('sha256').update('x').digest('hex');
    const options = { contentType: 'application/vnd.celeriac.payload', correlationId: 'x', messageId: 'x' };
    for (const claim of [{ reference: 'r', bytes: 2 ** 40, sha256 }, { reference: 'r', bytes: 1 }, 'text']) {
      const headers = { id: 'x', task: 'big', [payloadHeader]: claim };
      await vhost.publish('q', '{}', { ...options, headers });
    }
    await watched.worker.start();

    const settled = await watched.untilSettled(4);

    const reasons = settled.map(({ verdict }) => verdict.kind === 'deadLetter' && verdict.detail);
    expect(reasons.toSorted()).to.deep.equal(['bad-field', 'bad-field', 'payload-mismatch', 'too-large']);
  });

  it('is not waited for by a worker that stops: the message goes back', async () => {
    await using vhost = await Vhost.create();
    await using publisher = await publisherFor(vhost.url, store);
    let asked = false;
    let told = false;
    const slow: PayloadStore = {
      put: (...given) => store.put(...given),
      get: (_reference, { signal }) => {
        asked = true;
        signal.addEventListener('abort', () => (told = true));
        return new Promise(() => undefined);
      },
    };
    const watched = new WatchedWorker(configFor(vhost.url, { tasks }), { payloadStore: slow });
    watched.worker.task('big', () => undefined);
    await watched.worker.start();
    await publisher.send('big', [large]);
    await waitFor(() => asked, { what: 'it to be asked for' });

    expect(await watched.worker.stop({ grace: '60s' })).to.deep.equal({ drained: true, unfinished: 0 });

    expect(told).to.equal(true);
    expect(await vhost.depth('q')).to.equal(1);
    expect(await vhost.depth('q.dead-letter')).to.equal(0);
  });

  it('without a store at the worker waits for one that has it', async () => {
    await using vhost = await Vhost.create();
    await using publisher = await publisherFor(vhost.url, store);
    await using without = new WatchedWorker(configFor(vhost.url, { tasks }));
    without.worker.task('big', () => undefined);
    await without.worker.start();
    await publisher.send('big', [large]);

    const [first] = await without.untilSettled(1);

    expect(first?.verdict.kind).to.equal('retry');
    expect(first?.outcome).to.have.nested.property('error.code', 'ERR_PAYLOAD_UNAVAILABLE');
  });
});
