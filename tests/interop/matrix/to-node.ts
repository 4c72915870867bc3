/** Python sends, a Node worker runs: a check for each row of the matrix that has none elsewhere. */
import { expect } from 'chai';

import { rejection } from '../../support/clients.js';
import type { PythonSend, ReadResult } from '../../support/python-caller.js';
import { waitFor } from '../../support/wait-for.js';
import type { RowName } from './rows.js';
import type { NodeRun, View } from './scene.js';

interface Called {
  readonly id: string;
  readonly due: number | null;
  readonly result: ReadResult;
}

/** Calls a task on the Node worker from Python; resolves with what `get` gave. */
async function call({ scene, type }: View, name: string, parameters: PythonSend = {}): Promise<Called> {
  const options = { queue: `node.${type}`, ...parameters.options };
  const sent = await scene.caller.send(name, { ...parameters, options });
  return { ...sent, result: await scene.caller.get(sent) };
}

/** The same for one that only looks. */
async function see(view: View, parameters: PythonSend): Promise<NodeRun> {
  const { id, result } = await call(view, 'matrix.see', parameters);
  expect(result.state).to.equal('SUCCESS');
  return view.scene.runOf({ id });
}

const text = ['žluťoučký 🐟', 'e\u0301', 'שלום', '\u0000', '', '👩‍👩‍👧'];

type Check = (view: View) => Promise<void>;

/** Not before it was due. */
async function punctual(view: View, eta: PythonSend['eta']): Promise<void> {
  const { id, due, result } = await call(view, 'matrix.see', { eta } as PythonSend);
  const { at } = await view.scene.runOf({ id });
  expect(result.state).to.equal('SUCCESS');
  // The program asks its clock a moment after it has reckoned the eta.
  expect(at / 1000 - due!).to.be.within(-0.1, 30);
}

export const toNode: Partial<Record<RowName, Check>> = {
  async args(view) {
    const args = [1, '1', true, false, null, [], {}, [[{ a: [1.5] }]]];
    const { result } = await call(view, 'matrix.echo', { args });
    expect(result.value).to.deep.equal(args);
  },
  async kwargs(view) {
    const { given } = await see(view, { args: [1], kwargs: { clé: { nested: [null] } } });
    expect(given).to.deep.equal([1, { clé: { nested: [null] } }]);
  },
  async unicode(view) {
    const { id, result } = await call(view, 'matrix.echo', { args: text });
    expect((await view.scene.runOf({ id })).given).to.deep.equal(text);
    expect(result.value).to.deep.equal(text);
  },
  async numbers(view) {
    const { result } = await call(view, 'matrix.echo', { args: [1, 1.5, -0.5, 1e300] });
    expect(result.value).to.deep.equal([1, 1.5, -0.5, 1e300]);
    expect(result.kinds).to.deep.equal(['int', 'float', 'float', 'float']);
    const { given } = await see(view, { args: [{ $: 'one' }, { $: 'negative-zero' }] });
    expect(given).to.deep.equal([1, -0]);
  },
  async bigIntegers(view) {
    const args = [{ $: 'beyond' }, { $: 'huge' }];
    const { id, result } = await call(view, 'matrix.echo', { args });
    const expected = [2n ** 53n + 1n, -(2n ** 70n)];
    expect((await view.scene.runOf({ id })).given).to.deep.equal(expected);
    expect(result.value).to.deep.equal(expected);
    expect(result.kinds).to.deep.equal(['int', 'int']);
  },
  async none(view) {
    const { given } = await see(view, { args: [null, { kept: null }] });
    expect(given).to.deep.equal([null, { kept: null }]);
    expect((await call(view, 'matrix.see')).result).to.deep.include({ state: 'SUCCESS', value: null });
  },
  async nan(view) {
    const { given } = await see(view, { args: [{ $: 'nan' }, { $: 'infinity' }] });
    expect(given).to.deep.equal([NaN, Infinity]);
    const { result } = await call(view, 'matrix.give', { args: ['nan'] });
    expect(result).to.include({ state: 'FAILURE', type: 'EncodeError' });
  },
  async dates(view) {
    const { given } = await see(view, { args: [{ $: 'datetime' }, { $: 'date' }] });
    const [moment, day] = given as [string | Date, string];
    expect(moment).to.be.a(view.scene.isTyped ? 'date' : 'string');
    expect(new Date(moment).toISOString()).to.equal('2026-11-25T04:09:03.317Z');
    expect(day).to.match(/^2026-11-25/u);
  },
  async decimals(view) {
    const { given } = await see(view, { args: [{ $: 'decimal' }, { $: 'uuid' }] });
    expect(given).to.deep.equal(['2.50', '00000000-0000-0000-0000-000000000002']);
  },
  async bytes(view) {
    if (view.scene.isTyped) {
      const { given } = await see(view, { args: [{ $: 'bytes' }] });
      expect(given).to.deep.equal([Buffer.from([255, 0])]);
    } else {
      const error = await rejection(call(view, 'matrix.see', { args: [{ $: 'bytes' }] }));
      expect(error).to.include({ name: 'EncodeError' });
    }
  },
  async megabyte(view) {
    const { given } = await see(view, { args: [{ $: 'megabyte' }] });
    expect(given).to.deep.equal(['é'.repeat(500_000)]);
    const { result } = await call(view, 'matrix.give', { args: ['megabyte'] });
    expect(result.value).to.equal('é'.repeat(500_000));
  },
  eta: (view) => punctual(view, [2, 0]),
  async zonedEta(view) {
    await punctual(view, [1, 2]);
    await punctual(view, [1, -5.5]);
  },
  naiveEta: (view) => punctual(view, [1, null]),
  async countdown(view) {
    const before = Date.now();
    const { id } = await call(view, 'matrix.see', { options: { countdown: 1 } });
    expect((await view.scene.runOf({ id })).at - before).to.be.at.least(1000);
  },
  async expires(view) {
    const { message } = await see(view, { options: { expires: 3600 } });
    expect(message.expires! - Date.now()).to.be.within(3_000_000, 3_600_000);
  },
  async expired({ scene, type }) {
    const sent = await scene.caller.call<{ id: string }>('expired', { queue: `node.${type}` });
    const result = await scene.caller.get(sent);
    expect(result).to.deep.include({ state: 'REVOKED', type: 'TaskRevokedError', args: ['expired'] });
    expect(scene.runs.some(({ id }) => id === sent.id)).to.equal(false);
    expect(verdictOf(scene, sent.id)).to.equal('deadLetter');
  },
  async retry(view) {
    const { id, result } = await call(view, 'matrix.flaky', { args: [2, 0.2] });
    const runs = view.scene.runs.filter((run) => run.id === id);
    expect(result).to.deep.include({ state: 'SUCCESS', value: 2 });
    expect(runs.map(({ message }) => message.retries)).to.deep.equal([0, 1, 2]);
    expect(runs[2]!.message).to.include({ parentId: id, rootId: id });
  },
  async priority(view) {
    expect((await see(view, { options: { priority: 7 } })).message.priority).to.equal(7);
  },
  async error(view) {
    const of = async (name: string): Promise<ReadResult> =>
      (await call(view, 'matrix.fail', { args: [name] })).result;
    const [typeError, plain, own] = [await of('TypeError'), await of('Error'), await of('OutOfStock')];
    expect(typeError).to.deep.include({ type: 'TypeError', module: 'builtins', args: ['wrong'] });
    expect(plain).to.deep.include({ type: 'Exception', module: 'builtins', args: ['plain'] });
    expect(own).to.deep.include({ state: 'FAILURE', type: 'OutOfStock', args: ['none left 🐟'] });
    expect(typeError.traceback).to.match(/^TypeError: wrong\n\s+at /u);
  },
  async ignoreResult({ scene, type }) {
    const options = { queue: `node.${type}`, headers: { ignore_result: true } };
    const sent = await scene.caller.send('matrix.echo', { args: ['ignored'], options });
    const { message } = await scene.runOf(sent);
    await waitFor(() => verdictOf(scene, sent.id) === 'ack');
    expect(message.ignoreResult).to.equal(true);
    expect(await scene.caller.call('state', { id: sent.id })).to.equal('PENDING');
  },
  async wantedResult(view) {
    const { result } = await call(view, 'matrix.quiet', { args: ['wanted'] });
    expect(result).to.deep.include({ state: 'SUCCESS', value: 'wanted' });
  },
  async softLimit(view) {
    const { result } = await call(view, 'matrix.soft', { options: { soft_time_limit: 0.3 } });
    expect(result).to.include({ state: 'FAILURE', type: 'SoftTimeLimitExceeded' });
  },
  async revoke({ scene, type }) {
    const asked = { queue: `node.${type}`, seconds: 5 };
    const sent = await scene.caller.call<{ id: string }>('send_revoked', asked);
    const result = await scene.caller.get(sent);
    expect(result).to.deep.include({ state: 'REVOKED', type: 'TaskRevokedError', args: ['revoked'] });
    expect(scene.runs.some(({ id }) => id === sent.id)).to.equal(false);
  },
  async unknown(view) {
    const { id, result } = await call(view, 'matrix.nobody-has-this');
    expect(result).to.deep.include({
      state: 'FAILURE',
      type: 'NotRegistered',
      args: ['matrix.nobody-has-this'],
    });
    await waitFor(() => verdictOf(view.scene, id) === 'deadLetter');
  },
  async fanOut({ scene, type }) {
    const asked = { name: 'matrix.double', queue: `node.${type}`, count: 1000 };
    const values = await scene.caller.call('fan_out', asked);
    expect(values).to.deep.equal(Array.from({ length: 1000 }, (_, index) => 2 * index));
  },
};

/** What became of its message last. */
function verdictOf({ node }: View['scene'], id: string): string | undefined {
  return node.settled.findLast((one) => one.id === id)?.verdict.kind;
}
