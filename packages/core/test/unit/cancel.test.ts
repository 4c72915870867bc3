/** What is asked of workers when tasks are cancelled, and what their answers come to. */
import { expect } from 'chai';

import { loadConfig } from '../../dist/config/load.js';
import { type CancelOptions, cancelReport, cancelRequest } from '../../dist/control/cancel.js';

const now = 1_800_000_000_000;

describe('cancelRequest', () => {
  const request = async (ids: readonly string[], options: CancelOptions = {}) =>
    cancelRequest(ids, options, { now, tasks: (await loadConfig({}, { env: {} })).tasks });
  const code = async (ids: readonly string[], options?: CancelOptions): Promise<unknown> => {
    const error = await request(ids, options).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return (error as { code?: unknown } | undefined)?.code;
  };

  it("is Celery's revoke, remembered three hours unless it says otherwise", async () => {
    const { args, until } = await request(['a', 'b', 'a']);

    expect(args).to.deep.equal({
      task_id: ['a', 'b'],
      terminate: false,
      signal: 'SIGTERM',
      celeriac_until: (now + 10_800_000) / 1000,
    });
    expect(until).to.equal(now + 10_800_000);
    expect((await request(['a'], { keep: '30d' })).until).to.equal(now + 30 * 86_400_000);
    expect((await request(['a'], { keep: new Date(now + 5) })).until).to.equal(now + 5);
  });

  it('refuses what is no id, none, too many, and a time that is over', async () => {
    expect(await code([''])).to.equal('ERR_INPUT_INVALID');
    expect(await code(['x'.repeat(256)])).to.equal('ERR_INPUT_INVALID');
    expect(await code([])).to.equal('ERR_INPUT_INVALID');
    expect(await code(Array.from({ length: 10_001 }, (_, index) => String(index)))).to.equal(
      'ERR_INPUT_INVALID',
    );
    expect(await code(['a'], { keep: new Date(now) })).to.equal('ERR_INPUT_INVALID');
    expect(await code(['a'], { keep: new Date(NaN) })).to.equal('ERR_INPUT_INVALID');
  });
});

describe('cancelReport', () => {
  it('tells workers that heard it from those that refused', () => {
    const answers = [
      { node: 'b', value: { ok: 'tasks a flagged as revoked' } },
      { node: 'c', value: { error: 'no' } },
      { node: 'a', value: null },
    ];

    expect(cancelReport({ ids: ['a'], until: now, args: {} }, answers)).to.deep.equal({
      ids: ['a'],
      workers: ['a', 'b'],
      refused: [{ worker: 'c', error: 'no' }],
      until: new Date(now),
    });
  });
});
