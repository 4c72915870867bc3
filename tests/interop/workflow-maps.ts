/** Many calls in one message, and what ends a group that replaced a task: part of workflows.test.ts, over its scene. */
import { type AnySignature, chain, chunks, map, signature, starmap } from '@celeriac/publisher';
import { expect } from 'chai';

import { inNode, inPython, nodeTotal, type Numbers, type SeenStep } from '../support/workflow-steps.js';
import { waitFor } from '../support/wait-for.js';
import type { WorkflowScene } from '../support/workflow-scene.js';

/** `given` is asked when a test runs. */
export function mapsOf(given: () => { readonly scene: WorkflowScene; readonly seen: SeenStep[] }): void {
  const scene = (): WorkflowScene => given().scene;

  it('map, and run in chunks', async () => {
    const pairs = [
      [1, 2],
      [3, 4],
    ];
    const mapped = map('canvas.total', [[1, 2], [3]]).set(inPython);
    expect(await scene().valueOf(mapped)).to.deep.equal([3, 3]);
    const spread = starmap('canvas.add', pairs);
    expect(await scene().valueOf(spread.set(inPython))).to.deep.equal([3, 7]);
    const cut = chunks('canvas.add', pairs, 1).set(inPython);
    expect(await scene().valueOf(cut)).to.deep.equal([[3], [7]]);
    const listed: AnySignature = chain(cut, signature('node.list', [], inNode));
    expect(await scene().valueOf(listed as Numbers)).to.deep.equal([[3], [7]]);
  });

  it('map, and run in chunks, in Node, from either side', async () => {
    given().seen.length = 0;
    const pairs = [
      [1, 2],
      [3, 4],
    ];
    expect(await scene().valueOf(map('node.total', [[1, 2], [3]]).set(inNode))).to.deep.equal([3, 3]);
    const spread = starmap('node.add', pairs).set(inNode);
    expect(await scene().valueOf(spread)).to.deep.equal([3, 7]);
    expect(await scene().python('run', { dict: spread.toJSON() })).to.deep.equal({ value: [3, 7] });
    const mapped = map('node.total', pairs).set(inNode);
    const list = ['canvas.total', [], inPython];
    expect(await scene().python('run', { chain: [{ dict: mapped.toJSON() }, list] })).to.deep.equal({
      value: 10,
    });
    const cut = chunks('node.add', pairs, 1).set(inNode);
    const group = { group: [{ dict: spread.toJSON() }, { dict: mapped.toJSON() }] };
    expect(await scene().python('run', group)).to.deep.equal({
      value: [
        [3, 7],
        [3, 7],
      ],
    });
    // Read from a message, chunks are a task of their own to Celery.
    given().seen.length = 0;
    expect(
      await scene().python('run', { chain: [['canvas.add', [1], inPython], { dict: cut.toJSON() }] }),
    ).to.deep.equal({ value: null });
    await waitFor(() => given().seen.length === 2);
    await scene().quiet();
  });

  it('run the celery.accumulate of a Python task that is replaced by a group', async () => {
    const spread = { dict: chain(signature('canvas.spread', [1, 2, 3], inPython), nodeTotal()).toJSON() };
    expect(await scene().python('run', spread)).to.deep.equal({ value: 12 });
  });
}
