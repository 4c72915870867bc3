/** Node sends, a Python worker runs: a check for each row of the matrix that has none elsewhere. */
import { expect } from 'chai';

import { rejection } from '../../support/clients.js';
import { waitFor } from '../../support/wait-for.js';
import type { RowName } from './rows.js';
import type { View } from './scene.js';

/** What matrix.echo of the Python worker tells. */
interface Seen {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly kinds: readonly [readonly unknown[], Readonly<Record<string, unknown>>];
  readonly fields: Readonly<Record<string, unknown>>;
  readonly priority: number;
  /** Seconds since the epoch. */
  readonly at: number;
}

const timeout = '150s';

function echo({ scene, type }: View, input: unknown, options: object = {}): Promise<Seen> {
  return scene.onPython(type, ['matrix.echo', input, options]) as Promise<Seen>;
}

function refusal({ scene, type }: View, input: unknown, options?: object): Promise<Error> {
  const all = { queue: `py.${type}`, ...options };
  return rejection(scene.client.publisher.send('matrix.echo', input, all));
}

const text = ['žluťoučký 🐟', 'e\u0301', 'שלום', '\u0000', '', '👩‍👩‍👧'];

type Check = (view: View) => Promise<void>;

export const toPython: Partial<Record<RowName, Check>> = {
  async args(view) {
    const input = [1, '1', true, false, null, [], {}, [[{ a: [1.5] }]]];
    const { args, kwargs } = await echo(view, input);
    expect([args, kwargs]).to.deep.equal([input, {}]);
  },
  async kwargs(view) {
    const { args, kwargs } = await echo(view, [1], { kwargs: { clé: { nested: [null] } } });
    expect([args, kwargs]).to.deep.equal([[1], { clé: { nested: [null] } }]);
    const named = await echo(view, { a: 1, b: '2' });
    expect([named.args, named.kwargs]).to.deep.equal([[], { a: 1, b: '2' }]);
  },
  async unicode(view) {
    const { args, kinds } = await echo(view, text);
    expect(args).to.deep.equal(text);
    expect(kinds[0]).to.deep.equal(text.map(() => 'str'));
  },
  async numbers(view) {
    const { args, kinds } = await echo(view, [1, 1.5, -0, 1e300]);
    expect(args).to.deep.equal([1, 1.5, -0, 1e300]);
    expect(kinds[0]).to.deep.equal(['int', 'float', 'float', 'float']);
  },
  async bigIntegers(view) {
    const input = [2n ** 53n + 1n, -(2n ** 70n), 2n ** 64n];
    const { args, kinds } = await echo(view, input);
    expect(args).to.deep.equal(input);
    expect(kinds[0]).to.deep.equal(['int', 'int', 'int']);
  },
  async none(view) {
    const { args, kinds } = await echo(view, [null, { gone: undefined, kept: null }]);
    expect(args).to.deep.equal([null, { kept: null }]);
    expect(kinds[0]).to.deep.equal(['NoneType', { kept: 'NoneType' }]);
    expect(await refusal(view, [undefined])).to.include({ code: 'ERR_NOT_SERIALIZABLE' });
  },
  async nan(view) {
    for (const one of [NaN, Infinity]) {
      expect(await refusal(view, [{ n: one }])).to.include({ code: 'ERR_NOT_SERIALIZABLE' });
    }
    expect(await view.scene.onPython(view.type, ['matrix.give', ['nan']])).to.be.NaN;
    expect(await view.scene.onPython(view.type, ['matrix.give', ['infinity']])).to.equal(Infinity);
  },
  async dates(view) {
    const { args, kinds } = await echo(view, [new Date(Date.UTC(2026, 10, 25, 4, 9, 3, 317))]);
    expect(args).to.deep.equal(['2026-11-25T04:09:03.317Z']);
    expect(kinds[0]).to.deep.equal(['str']);
    const back = await view.scene.onPython(view.type, ['matrix.give', ['datetime']]);
    expect(new Date(back as string | Date).toISOString()).to.equal('2026-11-25T04:09:03.317Z');
    expect(back).to.be.a(view.scene.isTyped ? 'date' : 'string');
  },
  async decimals(view) {
    const { args } = await echo(view, ['2.50', '00000000-0000-0000-0000-000000000002']);
    expect(args).to.deep.equal(['2.50', '00000000-0000-0000-0000-000000000002']);
    expect(await view.scene.onPython(view.type, ['matrix.give', ['decimal']])).to.equal('2.50');
    expect(await view.scene.onPython(view.type, ['matrix.give', ['uuid']])).to.equal(args[1]);
  },
  async bytes(view) {
    const { kinds } = await echo(view, [Buffer.from([255, 0])]);
    const typed = { __type__: 'str', __value__: 'str' };
    expect(kinds[0]).to.deep.equal([view.scene.isTyped ? 'bytes' : typed]);
  },
  async megabyte(view) {
    const long = 'é'.repeat(500_000);
    expect((await echo(view, [long])).args).to.deep.equal([long]);
    expect(await view.scene.onPython(view.type, ['matrix.give', ['megabyte']])).to.equal(long);
  },
  async eta(view) {
    const eta = new Date(Date.now() + 1200);
    const { at, fields } = await echo(view, ['at'], { eta });
    expect(at * 1000).to.be.at.least(eta.getTime());
    expect(Date.parse(fields.eta as string)).to.equal(eta.getTime());
  },
  async zonedEta(view) {
    const eta = new Date(Date.now() + 1200);
    const { fields } = await echo(view, ['at'], { eta });
    expect(fields.eta).to.match(/\+00:00$/u);
  },
  async countdown(view) {
    const before = Date.now();
    const { at } = await echo(view, ['in'], { countdown: '300ms' });
    expect(at * 1000 - before).to.be.at.least(300);
  },
  async expires(view) {
    const { fields } = await echo(view, ['soon'], { expires: '1h' });
    expect(Date.parse(fields.expires as string) - Date.now()).to.be.within(3_000_000, 3_600_000);
  },
  async expired(view) {
    const late = { eta: new Date(Date.now() + 60_000), expires: new Date(Date.now() + 30_000) };
    expect(await refusal(view, ['late'], late)).to.include({ code: 'ERR_INPUT_INVALID' });
  },
  async retry(view) {
    const { publisher } = view.scene.client;
    const receipt = await publisher.send('matrix.flaky', [2, 0.2], { queue: `py.${view.type}` });
    const seen = (await receipt.result({ timeout })) as Seen & { readonly retries: number };
    expect(seen.retries).to.equal(2);
    expect(seen.fields).to.include({ parent_id: receipt.id, root_id: receipt.id });
  },
  async priority(view) {
    expect((await echo(view, [], { priority: 7 })).priority).to.equal(7);
  },
  async error(view) {
    const error = await rejection(view.scene.onPython(view.type, ['matrix.fail', ['boom 🐟', 42]]));
    expect(error).to.deep.include({
      code: 'ERR_TASK_FAILED',
      excType: 'ValueError',
      excModule: 'builtins',
      excArgs: ['boom 🐟', 42],
    });
    expect(error)
      .to.have.property('traceback')
      .that.matches(/^Traceback[^]*ValueError/u);
  },
  ignoreResult: ({ scene, type }) => quiet(scene, { queue: `py.${type}`, ignoreResult: true }),
  async wantedResult({ scene, type }) {
    const wanted = { queue: `py.${type}`, ignoreResult: false };
    if (!scene.isTyped) return quiet(scene, wanted);
    const receipt = await scene.client.publisher.send('matrix.quiet', ['wanted'], wanted);
    expect(await receipt.result({ timeout })).to.equal('wanted');
  },
  async softLimit({ scene, type }) {
    const limit = { timeLimit: { soft: '1s' } };
    const error = await rejection(scene.onPython(type, ['matrix.slow', [60], limit]));
    expect(error).to.include({ excType: 'SoftTimeLimitExceeded' });
  },
  async hardLimit({ scene, type }) {
    const limit = { timeLimit: { hard: '1s' } };
    const error = await rejection(scene.onPython(type, ['matrix.slow', [60], limit]));
    expect(error).to.include({ excType: 'TimeLimitExceeded' });
  },
  async revoke({ scene, type }) {
    const options = { queue: `py.${type}`, delay: 3 };
    const receipt = await scene.client.publisher.send('matrix.echo', ['never'], options);
    const { workers } = await scene.client.publisher.cancel(receipt.id, { timeout: '5s' });
    expect(workers.length).to.be.at.least(1);
    const error = await rejection(receipt.result({ timeout }));
    expect(error).to.include({ code: 'ERR_TASK_REVOKED', excType: 'TaskRevokedError' });
  },
  async unknown({ scene, type }) {
    const error = await rejection(scene.onPython(type, ['matrix.nobody-has-this']));
    expect(error).to.include({ code: 'ERR_TASK_FAILED', excType: 'NotRegistered' });
  },
  async signature({ scene, type }) {
    const error = await rejection(scene.onPython(type, ['matrix.double', [1, 2, 3]]));
    expect(error).to.include({ code: 'ERR_TASK_FAILED', excType: 'TypeError' });
  },
  async fanOut({ scene, type }) {
    const inputs = Array.from({ length: 1000 }, (_, index) => [index]);
    const receipts = await scene.client.publisher.sendMany('matrix.double', inputs, { queue: `py.${type}` });
    const values = await Promise.all(receipts.map((receipt) => receipt.result({ timeout })));
    expect(values).to.deep.equal(inputs.map(([index]) => 2 * index!));
  },
};

/** A task whose own setting is `ignore_result` runs, and nothing is stored of it. */
async function quiet(scene: View['scene'], options: object): Promise<void> {
  const { id } = await scene.client.publisher.send('matrix.quiet', ['quiet'], options);
  await waitFor(async () => (await scene.python.records()).some((one) => one.id === id));
  // What is stored is stored before the worker says that it has succeeded.
  await waitFor(() => scene.python.log.includes(`matrix.quiet[${id}] succeeded`));
  expect(await stateOf(scene, id)).to.be.oneOf(['PENDING', 'ERR_RESULT_UNKNOWN']);
}

/** The state of a result, or why it cannot be told. */
async function stateOf(scene: View['scene'], id: string): Promise<string> {
  const status = scene.client.publisher.result(id).status();
  return status.then(
    ({ state }) => state,
    (error: unknown) => (error as { readonly code: string }).code,
  );
}
