/** The payload store in a directory, on the real file system. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'chai';

import { filePayloadStore } from '../../../dist/payloads/file-store.js';

const { signal } = new AbortController();

describe('a payload store in a directory', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'celeriac-payloads-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  function about(bytes: Buffer) {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { id: '1', task: 't', sha256, signal };
  }

  const failure = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'none',
      (error: unknown) => (error as Error).message,
    );

  it('gives back what was put, also with another instance, and keeps the same bytes once', async () => {
    const bytes = Buffer.from('some bytes');
    const store = filePayloadStore(join(directory, 'new'));

    const reference = await store.put(bytes, about(bytes));
    expect(await store.put(bytes, about(bytes))).to.equal(reference);

    const other = filePayloadStore(join(directory, 'new'));
    expect(Buffer.from(await other.get(reference, { maxBytes: 10, signal }))).to.deep.equal(bytes);
    expect(await readdir(join(directory, 'new', reference.slice(0, 2)))).to.deep.equal([reference]);
  });

  it('mends a file that was cut', async () => {
    const bytes = Buffer.from('some bytes');
    const store = filePayloadStore(directory);
    const reference = await store.put(bytes, about(bytes));
    await writeFile(join(directory, reference.slice(0, 2), reference), 'cut');

    await store.put(bytes, about(bytes));

    expect(Buffer.from(await store.get(reference, { maxBytes: 10, signal }))).to.deep.equal(bytes);
  });

  it('reads nothing but its own files, and no more than it may', async () => {
    const store = filePayloadStore(directory);
    for (const reference of ['../canary', '/etc/passwd', 'A'.repeat(64), '', `${'a'.repeat(64)}\n`]) {
      expect(await failure(store.get(reference, { maxBytes: 10, signal }))).to.include(
        'not one of this store',
      );
    }
    const bytes = Buffer.from('some bytes');
    const reference = await store.put(bytes, about(bytes));
    expect(await failure(store.get(reference, { maxBytes: 9, signal }))).to.include('10 bytes, more than 9');
  });

  it('sweeps what is old, and spares what was put again', async () => {
    const store = filePayloadStore(directory);
    const [old, again, fresh] = ['old', 'again', 'fresh'].map((text) => Buffer.from(text)) as [
      Buffer,
      Buffer,
      Buffer,
    ];
    const references = [];
    for (const bytes of [old, again, fresh]) references.push(await store.put(bytes, about(bytes)));
    const past = new Date(Date.now() - 3_600_000);
    for (const name of references.slice(0, 2))
      await utimes(join(directory, name.slice(0, 2), name), past, past);
    await store.put(again, about(again));

    expect(await store.sweep('30m')).to.equal(1);

    expect(await failure(stat(join(directory, references[0]!.slice(0, 2), references[0]!)))).to.include(
      'ENOENT',
    );
    for (const name of references.slice(1)) await store.get(name, { maxBytes: 10, signal });
    expect(await filePayloadStore(join(directory, 'none')).sweep('1s')).to.equal(0);
  });
});
