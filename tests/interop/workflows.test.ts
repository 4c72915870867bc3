/** Workflows over both languages, with results in Redis: chains, groups, chords, callbacks, from either side. */
import {
  type AnySignature,
  chain,
  chord,
  chunks,
  group,
  type GroupResult,
  map,
  resultsOf,
  type Signature,
  signature,
  signatureFrom,
} from '@celeriac/publisher';
import { expect } from 'chai';

import { requireRabbit } from '../support/broker.js';
import { rejection, type WatchedPublisher, type WatchedWorker } from '../support/clients.js';
import { requireCelery } from '../support/python.js';
import { requireRedis } from '../support/redis.js';
import {
  add,
  inNode,
  inPython,
  nodeAdd,
  nodeTotal,
  type Numbers,
  type SeenStep,
  total,
} from '../support/workflow-steps.js';
import { waitFor } from '../support/wait-for.js';
import { mapsOf } from './workflow-maps.js';
import { timeout, WorkflowScene } from '../support/workflow-scene.js';

describe('workflows over Python and Node', function () {
  const errbacks: unknown[][] = [];
  const seen: SeenStep[] = [];
  let scene: WorkflowScene;
  let client: WatchedPublisher;
  let node: WatchedWorker;

  before(async function () {
    requireRabbit(this);
    requireCelery(this);
    requireRedis(this);
    scene = await WorkflowScene.open({ seen, errbacks });
    ({ client, node } = scene);
  });

  after(async () => {
    await scene[Symbol.asyncDispose]();
  });

  const valueOf = (workflow: Signature<undefined>): Promise<unknown> => scene.valueOf(workflow);
  const python = (...call: [string, ...unknown[]]): Promise<Record<string, unknown>> => scene.python(...call);
  const quiet = (): Promise<void> => scene.quiet();

  it('hand a value from Node to Python and back to Node', async () => {
    seen.length = 0;
    const workflow = chain(nodeAdd(1, 2), add(3), nodeAdd(4));
    const result = await client.publisher.sendWorkflow(workflow);

    expect(await result.result({ timeout })).to.equal(10);
    const [first, second, third] = result.taskIds;
    expect(seen.map(({ id, rootId, parentId, args }) => ({ id, rootId, parentId, args }))).to.deep.equal([
      { id: first, rootId: first, parentId: undefined, args: [1, 2] },
      { id: third, rootId: first, parentId: second, args: [6, 4] },
    ]);
    expect(await (result.parent as typeof result).result({ timeout })).to.equal(6);
    const [child] = await (result.parent?.parent as typeof result).children();
    expect(child?.id).to.equal(second);
  });

  for (const [where, body] of [
    ['Python', total()],
    ['Node', nodeTotal()],
  ] as const) {
    it(`count a chord over both, with its body in ${where}`, async () => {
      const header = [nodeAdd(1, 1), add(2, 2), nodeAdd(3, 3), add(4, 4)];
      expect(await valueOf(chord(header, body))).to.equal(20);
    });

    it(`do the same when Python sends them, with its body in ${where}`, async () => {
      const header = [1, 2, 3, 4].map((one) => [
        one % 2 ? 'node.add' : 'canvas.add',
        [one, one],
        one % 2 ? inNode : inPython,
      ]);
      const bodyOf = where === 'Python' ? ['canvas.total', [], inPython] : ['node.total', [], inNode];
      expect(await python('run', { chord: [header, bodyOf] })).to.deep.equal({ value: 20 });
    });
  }

  it('run a chain of Python over Node', async () => {
    const steps = [
      ['canvas.add', [1, 2], inPython],
      ['node.add', [3], inNode],
      ['canvas.add', [4], inPython],
    ];
    expect(await python('run', { chain: steps })).to.deep.equal({ value: 10 });
  });

  it('run a group in the middle of a chain, from either side', async () => {
    const workflow = chain(nodeAdd(1), group([add(1), nodeAdd(2), add(3)]), nodeTotal(), add(100));
    expect(await valueOf(workflow)).to.equal(109);
    const first = chain(add(1), group([add(1), nodeAdd(2)]), total(), nodeAdd(100));
    expect(await valueOf(first)).to.equal(105);
    const middle = {
      group: [
        ['node.add', [1], inNode],
        ['canvas.add', [2], inPython],
      ],
    };
    const steps = [
      ['node.add', [1], inNode],
      middle,
      ['node.total', [], inNode],
      ['canvas.add', [100], inPython],
    ];
    expect(await python('run', { chain: steps })).to.deep.equal({ value: 105 });
  });

  it('nest: a chord in a chain in a group, and a chord in the header of another', async () => {
    const inner = chain(nodeAdd(1), chord([add(1), nodeAdd(2)], total()), nodeAdd(10));
    const result = await client.publisher.sendWorkflow(group([inner, add(5), nodeAdd(6)] as const));
    expect(await result.result({ timeout })).to.deep.equal([15, 5, 6]);
    const outer = chord(
      [chord([add(1), nodeAdd(2)], nodeTotal()), nodeAdd(4), chain(add(5), nodeAdd(6))],
      total(),
    );
    expect(await valueOf(outer)).to.equal(18);
    const nested = group([nodeAdd(1), group([nodeAdd(2), nodeAdd(3)]), nodeAdd(4)]);
    expect(await valueOf(nested)).to.deep.equal([1, 2, 3, 4]);
  });

  it('give the results of a hundred tasks of both as they come, and all in their order', async () => {
    const members = Array.from({ length: 100 }, (_, index) =>
      index % 2 === 0 ? add(index, 1) : nodeAdd(index, 1),
    );
    const hundred: AnySignature = group(members);
    const result = (await client.publisher.sendWorkflow(
      hundred as Signature<unknown, number[]>,
    )) as GroupResult<number[]>;
    let sum = 0;
    for await (const one of result.results({ timeout }))
      if (one.status === 'fulfilled') sum += one.value as number;

    expect(sum).to.equal(5050);
    expect(await result.join({ timeout })).to.deep.equal(members.map((_, index) => index + 1));
    expect(await result.completed()).to.equal(100);
    await result.forgetAll();
    expect(await result.completed()).to.equal(0);
    expect(resultsOf(result.members)).to.not.equal(undefined);
  });

  it('call back with the result, in either language, several as well', async () => {
    seen.length = 0;
    const linked = add(1, 2).link(nodeAdd(10)).link(nodeAdd(20));
    expect(await valueOf(linked)).to.equal(3);
    await waitFor(() => seen.length === 2);
    expect(seen.map(({ args }) => args)).to.have.deep.members([
      [3, 10],
      [3, 20],
    ]);
    seen.length = 0;
    await valueOf(nodeAdd(1, 1).link(add(1).link(nodeAdd(7))));
    await waitFor(() => seen.length === 2);
    expect(seen[1]?.args).to.deep.equal([3, 7]);
  });

  for (const [where, failing] of [
    ['Python', signature<unknown, number>('canvas.fail', ['no'], { ...inPython, immutable: true })],
    ['Node', signature<unknown, number>('node.fail', [], { ...inNode, immutable: true })],
  ] as const) {
    const type = where === 'Python' ? 'ValueError' : 'TypeError';
    const errback = signature('node.errback', ['told'], inNode);

    it(`fail all that follows an error in ${where}, and call back once`, async () => {
      errbacks.length = 0;
      const workflow = chain(nodeAdd(1), failing, nodeAdd(2), add(3)).linkError(errback);
      const result = await client.publisher.sendWorkflow(workflow);

      const error = await rejection(result.result({ timeout }));
      expect(error).to.include({ code: 'ERR_TASK_FAILED', excType: type });
      await waitFor(() => errbacks.length > 0);
      expect(errbacks).to.deep.equal([[result.taskIds[1], 'told']]);
    });

    it(`fail the body of a chord whose header failed in ${where}, and call its errback`, async () => {
      for (const body of [nodeTotal(), total()]) {
        errbacks.length = 0;
        const workflow = chord([nodeAdd(1), failing, add(2)], body.linkError(errback));
        const result = await client.publisher.sendWorkflow(workflow);

        const error = await rejection(result.result({ timeout }));
        expect(error).to.include({ excType: 'ChordError' });
        expect(String((error as { excArgs?: unknown[] }).excArgs?.[0])).to.match(
          new RegExp(`^Dependency \\S+ raised ${type}\\(`, 'u'),
        );
        await waitFor(() => errbacks.length > 0);
        expect(errbacks).to.deep.equal([[result.id, 'told']]);
      }
    });
  }

  it('say so to Python as well', async () => {
    errbacks.length = 0;
    const header = [
      ['node.add', [1], inNode],
      ['node.fail', [], inNode],
    ];
    const told = await python('run', { chord: [header, ['canvas.total', [], inPython]] }, [
      'node.errback',
      [],
      inNode,
    ]);
    // Celery's `get` raises what the header raised.
    expect(told).to.deep.equal({ type: 'TypeError', text: 'wrong' });
    await waitFor(() => errbacks.length > 0);
  });

  it('finish at once where there is nothing to wait for, and give a list where there is one', async () => {
    expect(await valueOf(chord([], nodeTotal()))).to.equal(0);
    expect(await valueOf(chord([][Symbol.iterator]() as Iterable<AnySignature>, total()))).to.equal(0);
    expect(await valueOf(group([]))).to.deep.equal([]);
    const list = signature('node.list', [], inNode);
    expect(await valueOf(chain(nodeAdd(1), group([]), list))).to.deep.equal([]);
    expect(await valueOf(chain(add(1), group([]), list))).to.deep.equal([]);
    expect(await valueOf(chord([nodeAdd(5)], list))).to.deep.equal([5]);
    expect(await valueOf(chain(add(1), group([add(5)]), list))).to.deep.equal([6]);
    expect(await python('run', { chord: [[], ['node.list', [], inNode]] })).to.deep.equal({ value: [] });
    await quiet();
  });

  it('wait for a task of the header that is tried again, and keep the rest of a chain through retries', async () => {
    const flaky = (times: number, value: number): Numbers =>
      signature('node.flaky', [times, value], { ...inNode, immutable: true });
    const python3 = signature<unknown, number>('canvas.flaky', [2, 0.01], { ...inPython, immutable: true });
    expect(await valueOf(chord([flaky(3, 1), nodeAdd(2), python3, add(3)], nodeTotal()))).to.equal(8);
    seen.length = 0;
    const result = await client.publisher.sendWorkflow(chain(flaky(2, 5), python3, nodeAdd(1)));
    expect(await result.result({ timeout })).to.equal(3);
    expect(seen.map(({ rootId, args }) => ({ rootId, args }))).to.deep.equal([
      { rootId: result.taskIds[0], args: [2, 1] },
    ]);
  });

  it('put another task in the place of one, in a chain and in a chord', async () => {
    const replaced = (by: number): Numbers => signature('node.replace', [by], inNode);
    const byChain = (by: number): Numbers => signature('node.replace-by-chain', [by], inNode);
    expect(await valueOf(chain(replaced(4), nodeAdd(100)))).to.equal(105);
    expect(await valueOf(chord([replaced(1), byChain(2), nodeAdd(3)], nodeTotal()))).to.equal(17);
  });

  mapsOf(() => ({ scene, seen }));

  it('are read by Celery as they are written, and run there', async () => {
    const all: AnySignature[] = [
      add(1, 2),
      nodeAdd(1).set({ countdown: 0, priority: 3, immutable: true }).stamp({ tenant: 'acme' }),
      chain(add(1), nodeAdd(2)).linkError(signature('node.errback', [], inNode)),
      group([add(1), nodeAdd(2)]),
      chord([add(1), nodeAdd(2)], total()),
      map('canvas.total', [[1]]),
      chunks('canvas.add', [[1, 1]], 2),
    ];
    const dicts = all.map((one) => one.toJSON());
    const reread = await scene.python<Record<string, unknown>[]>('reread', dicts);
    for (const [index, one] of reread.entries()) expect(signatureFrom(one).task).to.equal(all[index]?.task);
    expect(reread.slice(0, 2)).to.deep.equal(dicts.slice(0, 2));
    const nested = chain(nodeAdd(1), group([add(1), chain(nodeAdd(2), add(3))]), total(), nodeAdd(50));
    expect(await python('run', { dict: nested.toJSON() })).to.deep.equal({ value: 58 });
  });

  it('leave nothing behind', async () => {
    await quiet();
    expect(node.log.matching(/cannot send/u)).to.deep.equal([]);
  });
});
