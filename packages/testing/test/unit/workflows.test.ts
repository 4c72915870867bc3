/** Workflows in tests of applications: without a broker and without Redis. */
import { chain, chord, chunks, defineTask, group, map, signature, starmap } from '@celeriac/core';
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

  it('run map, starmap, chunks and accumulate over what is registered, by contract and by bare name', async () => {
    const settled: [string | undefined, unknown][] = [];
    const integer = { type: 'integer' } as const;
    const scale = defineTask({
      name: 'scale',
      input: { type: 'object', properties: { by: integer, of: integer }, required: ['by', 'of'] } as const,
    });
    await using app = await testApp({
      register: (worker) => {
        worker.task(scale, ({ by, of }: { by: number; of: number }) => by * of);
        worker.task('add', (...args: number[]) => args.reduce((sum, one) => sum + one, 0));
        worker.on('settled', ({ name, outcome }) => {
          settled.push([name, outcome.kind === 'succeeded' ? outcome.value : outcome.kind]);
        });
      },
    });
    const pairs = [
      [1, 2],
      [3, 4],
      [5, 6],
    ] as const;
    for (const workflow of [
      map('add', [1, 2]),
      starmap('add', pairs),
      map(scale, [{ by: 2, of: 3 }]),
      starmap(scale, pairs),
      signature('celery.accumulate', [[7, 8]], { kwargs: { index: 0 } }),
      starmap('nobody', pairs),
      signature('celery.map', [1, 2]),
      starmap('add', [5] as never),
    ])
      await app.publisher.sendWorkflow(workflow);
    await app.drain();
    expect(settled).to.have.deep.members([
      ['celery.map', [1, 2]],
      ['celery.starmap', [3, 7, 11]],
      ['celery.map', [6]],
      ['celery.starmap', [2, 12, 30]],
      ['celery.accumulate', [7, 8]],
      ['celery.starmap', 'unknown'],
      ['celery.map', 'invalid'],
      ['celery.starmap', 'failed'],
    ]);

    settled.length = 0;
    // As a Python worker sends what comes second in a chain.
    const { task: name, ...call } = chunks('add', pairs, 2).toJSON() as {
      task: string;
      kwargs: Record<string, unknown>;
    };
    await app.publisher.send(name, call.kwargs);
    await app.drain();
    expect(settled).to.have.deep.members([
      ['celery.chunks', null],
      ['celery.starmap', [3, 7]],
      ['celery.starmap', [11]],
    ]);
  });

  it('leave to Python what only Python can run', async () => {
    await using app = await testApp({ register: (worker) => void worker.task('add', () => 0) });
    const waiting = await app.run('celery.chord_unlock', [], { expires: '1m' });
    expect(waiting).to.include({ status: 'deferred' });
    expect(waiting.verdict.kind).to.equal('postpone');
  });
});
