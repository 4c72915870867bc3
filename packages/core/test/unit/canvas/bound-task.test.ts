/** Tasks under the names that Celery's own have. */
import { expect } from 'chai';

import { bindTask } from '../../../dist/canvas/bound-task.js';
import { map, starmap } from '../../../dist/canvas/compose.js';
import { taskOf } from '../../../dist/canvas/message.js';
import { signature } from '../../../dist/canvas/signature.js';
import { defineTask } from '../../../dist/contract/task.js';
import type { TaskSender } from '../../../dist/task-sender.js';

describe("a task under Celery's names", () => {
  const sent: unknown[][] = [];
  const sender = {
    send: (...call: unknown[]) => {
      sent.push(call);
      return Promise.resolve({ id: '1' });
    },
  } as unknown as TaskSender;
  const charge = defineTask({
    name: 'charge',
    input: {
      type: 'object',
      properties: { amount: { type: 'integer' }, account: { type: 'string' } },
      required: ['amount', 'account'],
      additionalProperties: false,
    },
    queue: 'billing',
  });
  const json = (one: { toJSON(): unknown }): unknown => JSON.parse(JSON.stringify(one));
  beforeEach(() => {
    sent.length = 0;
  });

  it('is sent by contract with its input', async () => {
    const charged = bindTask(charge, sender);
    const input = { amount: 1, account: 'a' };
    expect(await charged.delay(input)).to.include({ id: '1' });
    await charged.applyAsync(input, { countdown: '10s' });
    expect(sent).to.deep.equal([
      [charge, input, undefined],
      [charge, input, { countdown: '10s' }],
    ]);
    expect(charged.name).to.equal('charge');
  });

  it('is sent by name with positional arguments', async () => {
    const add = bindTask('math.add', sender);
    await add.delay(1, 2);
    await add.delay();
    await add.applyAsync([1, 2], { queue: 'q', kwargs: { deep: true } });
    expect(sent).to.deep.equal([
      ['math.add', [1, 2], undefined],
      ['math.add', [], undefined],
      ['math.add', [1, 2], { queue: 'q', kwargs: { deep: true } }],
    ]);
  });

  it('gives the signatures that signature gives', () => {
    const charged = bindTask(charge, sender);
    const add = bindTask('math.add', sender);
    const input = { amount: 1, account: 'a' };
    expect(json(charged.s())).to.deep.equal(json(signature(charge)));
    expect(json(charged.s({ account: 'a' }))).to.deep.equal(json(signature(charge, { account: 'a' })));
    expect(json(charged.si(input, { priority: 3 }))).to.deep.equal(
      json(signature(charge, input, { priority: 3, immutable: true })),
    );
    expect(json(add.s(2))).to.deep.equal(json(signature('math.add', [2])));
    expect(json(add.si())).to.deep.equal(json(signature('math.add', [], { immutable: true })));
    expect(json(charged.map([input]))).to.deep.equal(json(map(charge, [input])));
    expect(json(add.starmap([[1, 2]]))).to.deep.equal(json(starmap('math.add', [[1, 2]])));
    expect(json(add.chunks([[1, 2]], 2))).to.include({ task: 'celery.chunks' });
    expect(sent).to.deep.equal([]);
  });
});

describe('the signature of a sensitive task', () => {
  it('tells monitors no arguments, whoever sends it', () => {
    const pay = defineTask({ name: 'pay', sensitive: true });
    const hidden = { argsrepr: '(...)', kwargsrepr: '{...}' };
    const of = (one: { toJSON(): Record<string, unknown> }): unknown => one.toJSON().options;
    expect(of(signature(pay, { card: '4111' }))).to.deep.equal(hidden);
    expect(of(map(pay, [{ card: '4111' }]))).to.deep.equal(hidden);
    const { signature: wire } = { signature: signature(pay, { card: '4111' }, { id: '1' }).wire };
    const embed = { callbacks: null, errbacks: null, chain: null, chord: null };
    const message = taskOf({ signature: wire, embed }, { now: 0, origin: 'o' } as never);
    expect(message.isSensitive).to.equal(true);
    const open = signature('open', [1], { id: '2' }).wire;
    expect(taskOf({ signature: open, embed }, { now: 0, origin: 'o' } as never).isSensitive).to.equal(
      undefined,
    );
  });
});
