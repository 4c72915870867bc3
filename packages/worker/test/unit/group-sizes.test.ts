/** What a group of queues is resized to, and what is refused. */
import type { Config } from '@celeriac/core';
import { expect } from 'chai';

import type { Capsule } from '../../dist/capsule.js';
import { GroupSizes } from '../../dist/group-sizes.js';
import type { Pool } from '../../dist/pool/pool.js';

describe('the sizes of groups', () => {
  interface Given {
    readonly name: string;
    readonly queues?: number;
    readonly prefetch_count?: number;
  }

  function open(...groups: readonly Given[]): { sizes: GroupSizes; told: unknown[] } {
    const sizes = new GroupSizes();
    const told: unknown[] = [];
    for (const { name, queues = 1, prefetch_count } of groups) {
      const config = { concurrency: 4, min_concurrency: 1, prefetch_count } as Config['task_handler'];
      const all = Array.from({ length: queues }, () => ({}) as never);
      const tell = (size: unknown): void => void told.push(size);
      const capsule = {
        plans: all,
        resize: (size: unknown) => {
          tell(size);
          return Promise.resolve();
        },
      };
      sizes.add({ name, config, queues: all }, { resize: tell } as Pool, capsule as unknown as Capsule);
    }
    return { sizes, told };
  }

  it('share a new concurrency out among the queues, and tell pool and consumers', async () => {
    const { sizes, told } = open({ name: 'task_handler', queues: 2 });
    const size = { name: 'task_handler', concurrency: 8, minConcurrency: 1, prefetch: 4 };
    expect(await sizes.resize({ concurrency: 8 })).to.deep.equal(size);
    expect(told).to.deep.equal([size, size]);
    expect(sizes.of()).to.deep.equal(size);
  });

  it('keep a prefetch that is configured, until another one is given', async () => {
    const { sizes } = open({ name: 'task_handler', prefetch_count: 2 });
    expect(await sizes.resize({ concurrency: 9 })).to.include({ prefetch: 2 });
    expect(await sizes.resize({ prefetch: 5 })).to.include({ prefetch: 5, concurrency: 9 });
    expect(await sizes.resize({ concurrency: 1 })).to.include({ prefetch: 5, concurrency: 1 });
  });

  it('are those of the only group, or of the one that is named', async () => {
    const { sizes } = open({ name: 'cpu' });
    expect(await sizes.resize({ concurrency: 2 })).to.include({ name: 'cpu' });
    const two = open({ name: 'task_handler' }, { name: 'cpu' }).sizes;
    await two.resize({ group: 'cpu', concurrency: 7 });
    expect([two.of().concurrency, two.of('cpu').concurrency]).to.deep.equal([4, 7]);
  });

  it('refuse what is no size, and a group that is not there', async () => {
    const { sizes, told } = open({ name: 'task_handler' }, { name: 'cpu' });
    for (const wanted of [
      { concurrency: 0 },
      { concurrency: 1.5 },
      { concurrency: 65_536 },
      { minConcurrency: -1 },
      { prefetch: 0 },
      { group: 'cqu' },
    ]) {
      const error = await sizes.resize(wanted).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error, JSON.stringify(wanted)).to.include({ code: 'ERR_INPUT_INVALID' });
    }
    expect(told).to.deep.equal([]);
  });
});
