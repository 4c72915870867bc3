/** What a Python worker sees of a task from Node: the names and the Python types of its request. */
import { defineTask } from '@celeriac/publisher';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedPublisher } from '../support/clients.js';
import { type PythonRecord, PythonWorker, requireCelery } from '../support/python.js';
import { waitFor } from '../support/wait-for.js';

const celery = { tasks: { compatibility: 'celery' as const } };

describe('a Python worker', function () {
  const opened: AsyncDisposable[] = [];
  let python: PythonWorker;
  let client: WatchedPublisher;

  before(async function () {
    requireRabbit(this);
    requireCelery(this);
    const vhost = await Vhost.create();
    opened.push(vhost);
    python = await PythonWorker.start(vhost.url);
    opened.push(python);
    client = await WatchedPublisher.open(configFor(vhost.url, celery));
    opened.push(client);
  });

  after(async () => {
    for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
  });

  async function recordOf({ id }: { readonly id: string }): Promise<PythonRecord> {
    return waitFor(async () => (await python.records()).find((record) => record.id === id), {
      what: `the record of ${id}; the worker's log:\n${python.log}`,
    });
  }

  it('gets every field of the request in the type that Celery itself sends', async () => {
    const sent = await client.publisher.send('interop.record', ['a'], {
      kwargs: { b: 'it’s' },
      timeLimit: { soft: 20, hard: '30s' },
      expires: '1h',
      priority: 3,
      shadow: 'shown',
    });

    const { fields, kinds, priority } = await recordOf(sent);

    expect(kinds).to.include({ retries: 'int', expires: 'str', eta: 'NoneType', ignore_result: 'bool' });
    expect(kinds.timelimit).to.deep.equal(['int', 'int']);
    expect(fields).to.deep.include({
      retries: 0,
      timelimit: [30, 20],
      root_id: sent.id,
      parent_id: null,
      correlation_id: sent.id,
      group: null,
      shadow: 'shown',
      lang: 'js',
      ignore_result: true,
      argsrepr: "('a',)",
      kwargsrepr: "{'b': 'it’s'}",
    });
    expect(fields.origin).to.match(/^gen\d+@./u);
    expect(priority).to.equal(3);
  });

  it('gets fractions of a second in its time limits as floats', async () => {
    const sent = await client.publisher.send('interop.record', [], { timeLimit: { hard: '1500ms' } });

    const { fields, kinds } = await recordOf(sent);

    expect(fields.timelimit).to.deep.equal([1.5, null]);
    expect(kinds.timelimit).to.deep.equal(['float', 'NoneType']);
  });

  it('gets custom headers as the Python types of their values', async () => {
    const sent = await client.publisher.send('interop.record', [], {
      headers: {
        'x-int': 7,
        'x-negative': -(2 ** 31),
        'x-beyond': 2 ** 31,
        'x-huge': 2n ** 53n + 1n,
        'x-float': 1.5,
        'x-true': true,
        'x-null': null,
        'x-text': 'ačme 🐟',
        'x-list': [1, 'a', [true]],
        'x-map': { one: 1 },
      },
    });

    const { headers, headerKinds } = await recordOf(sent);

    expect(headers).to.deep.equal({
      'x-int': 7,
      'x-negative': -2_147_483_648,
      'x-beyond': 2_147_483_648,
      'x-huge': 9_007_199_254_740_993n,
      'x-float': 1.5,
      'x-true': true,
      'x-null': null,
      'x-text': 'ačme 🐟',
      'x-list': [1, 'a', [true]],
      'x-map': { one: 1 },
    });
    expect(headerKinds).to.deep.include({
      'x-int': 'int',
      'x-huge': 'int',
      'x-float': 'float',
      'x-true': 'bool',
      'x-text': 'str',
    });
  });

  it('gets the input of a contract as keyword arguments, and a list as positional ones', async () => {
    const named = defineTask({
      name: 'interop.record',
      input: { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] },
    });
    const listed = defineTask({
      name: 'interop.record',
      input: { type: 'array', items: { type: 'integer' } },
    });

    const byName = await recordOf(await client.publisher.send(named, { a: 1 }));
    const byPosition = await recordOf(await client.publisher.send(listed, [1, 2]));

    expect(byName).to.deep.include({ args: [], kwargs: { a: 1 } });
    expect(byPosition).to.deep.include({ args: [1, 2], kwargs: {} });
  });

  it('gets a megabyte of text and every kind of emptiness unchanged', async () => {
    const input = ['x'.repeat(1_000_000), '', 0, false, null, [], {}, '1', 1, -0.5, 1e300];

    const record = await recordOf(await client.publisher.send('interop.record', input));

    expect(record.args).to.deep.equal(input);
    expect(record.kwargs).to.deep.equal({});
  });
});
