/** Workflows in tests of applications: without a broker and without Redis. */
import { chain, chord, group, signature } from '@celeriac/core';
import { expect } from 'chai';

import { testApp } from '../../dist/index.js';

describe('workflows of a test application', () => {
  it('run to their end with drain: chains, groups and callbacks; chords are refused', async () => {
    const seen: unknown[][] = [];
    await using app = await testApp({
      register: (worker) => {
        worker.task('add', (...args: number[]) => {
          seen.push(args);
          return args.reduce((sum, one) => sum + one, 0);
        });
      },
    });
    const add = (...args: number[]) => signature<unknown, number>('add', args);
    await app.publisher.sendWorkflow(chain(add(1, 2), add(3).link(add(10)), group([add(4), add(5)])));
    await app.drain();
    expect(seen).to.have.deep.members([
      [1, 2],
      [3, 3],
      [6, 10],
      [6, 4],
      [6, 5],
    ]);

    const refused = await app.publisher.sendWorkflow(chord([add(1)], add())).catch((error: unknown) => error);
    expect(refused).to.include({ code: 'ERR_CHORD_BACKEND' });
  });
});
