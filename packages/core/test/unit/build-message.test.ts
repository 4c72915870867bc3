/** Task messages from calls and options: expiry, priority, limits, lineage, headers. No queue. */
import { expect } from 'chai';

import { buildTaskMessage, type SendOptions, type Sender } from '../../dist/build-message.js';
import type { TaskMessage } from '../../dist/message.js';

const now = Date.UTC(2026, 10, 25, 12);

function build(
  options: SendOptions = {},
  sender: Partial<Sender> = {},
  headers?: Record<string, unknown>,
): TaskMessage {
  const call = { task: 'billing.charge', args: [1], kwargs: { a: 2 } };
  const all = { now, newId: () => 'new-id', origin: 'gen1@host', ...sender };
  return buildTaskMessage(headers === undefined ? call : { ...call, headers }, options, all);
}

/** The code of what building throws, and its text. */
function refusal(options: SendOptions): unknown {
  try {
    return build(options);
  } catch (error) {
    return error;
  }
}

describe('buildTaskMessage', () => {
  it('makes a first attempt with a new id, which is its own root and correlation', () => {
    expect(build()).to.include({
      kind: 'task',
      id: 'new-id',
      task: 'billing.charge',
      retries: 0,
      rootId: 'new-id',
      correlationId: 'new-id',
      origin: 'gen1@host',
      ignoreResult: true,
    });
    expect(build()).to.deep.include({ args: [1], kwargs: { a: 2 }, timeLimit: {} });
    expect(build()).not.to.have.any.keys('expires', 'priority', 'parentId', 'shadow', 'eta');
  });

  it('keeps the id it is given, and asks for no other', () => {
    const newId = (): string => {
      throw new Error('not needed');
    };

    expect(build({ id: 'mine' }, { newId })).to.include({
      id: 'mine',
      rootId: 'mine',
      correlationId: 'mine',
    });
  });

  it('belongs to the workflow of the task it is sent from', () => {
    const parent = { id: 'parent', rootId: 'root' };

    expect(build({}, { parent })).to.include({ id: 'new-id', rootId: 'root', parentId: 'parent' });
  });

  it('expires after a span from now, or at a moment', () => {
    expect(build({ expires: 90 }).expires).to.equal(now + 90_000);
    expect(build({ expires: '5m' }).expires).to.equal(now + 300_000);
    expect(build({ expires: '250ms' }).expires).to.equal(now + 250);
    expect(build({ expires: new Date(now + 7) }).expires).to.equal(now + 7);
    expect(build({ expires: 0 }).expires).to.equal(now);
  });

  it('is due after a delay, by either name, or at a moment', () => {
    expect(build({ delay: 90 }).eta).to.equal(now + 90_000);
    expect(build({ countdown: '5m' }).eta).to.equal(now + 300_000);
    expect(build({ eta: new Date(now + 7) }).eta).to.equal(now + 7);
    expect(build({ delay: 0.0001 }).eta).to.equal(now + 1);
    expect(build({ delay: 0 })).not.to.have.property('eta');
    expect(build({})).not.to.have.property('eta');
  });

  it('can be delayed for 2^28 - 1 seconds, not for longer', () => {
    const longest = 2 ** 28 - 1;
    expect(build({ delay: longest }).eta).to.equal(now + longest * 1000);
    for (const options of [{ delay: longest + 1 }, { eta: new Date(now + (longest + 1) * 1000) }]) {
      const error = refusal(options);
      expect(error).to.include({ code: 'ERR_INPUT_INVALID' });
      expect(error).to.have.property('message').that.includes('268435455 seconds');
    }
  });

  it('refuses two words for when, a moment that is none, and an expiry before it is due', () => {
    const wrong = [
      { delay: 1, countdown: 1 },
      { delay: 1, eta: new Date(now + 1000) },
      { eta: new Date(Number.NaN) },
      { eta: '2026-01-01' as unknown as Date },
      { delay: 'soon' },
      { delay: 60, expires: 60 },
      { eta: new Date(now + 5000), expires: new Date(now + 4000) },
    ];
    for (const options of wrong) expect(refusal(options)).to.include({ code: 'ERR_INPUT_INVALID' });
    expect(build({ eta: new Date(now - 5000), expires: 1 })).to.have.property('eta');
  });

  it('refuses an expiry that is no date, and one beyond what Python can read', () => {
    const moments = [new Date(Number.NaN), new Date(Date.UTC(10_000, 0, 1)), new Date(-1), '999999999999d'];
    for (const expires of moments) {
      expect(refusal({ expires })).to.include({ code: 'ERR_INPUT_INVALID' });
      expect(refusal({ expires })).to.have.property('message').that.includes("'expires'");
    }
    expect(build({ expires: new Date(Date.UTC(9999, 11, 31)) })).to.have.property('expires');
  });

  it('takes priorities from 0 to 255, whole numbers only', () => {
    for (const priority of [0, 9, 255]) expect(build({ priority })).to.include({ priority });
    for (const priority of [-1, 256, 1.5, Number.NaN, '5' as unknown as number]) {
      expect(refusal({ priority })).to.include({ code: 'ERR_INPUT_INVALID' });
    }
  });

  it('gives limits in seconds, each only when it was asked for', () => {
    expect(build({ timeLimit: { soft: '500ms', hard: '1m' } }).timeLimit).to.deep.equal({
      soft: 0.5,
      hard: 60,
    });
    expect(build({ timeLimit: { soft: 3 } }).timeLimit).to.deep.equal({ soft: 3 });
    expect(refusal({ timeLimit: { soft: 'soon' } })).to.include({ code: 'ERR_INPUT_INVALID' });
  });

  it("carries the sender's headers, but never in place of those that belong to the call", () => {
    const headers = { trace: 't', own: 'forged' };

    expect(build({ headers }, {}, { own: 'real' }).headers).to.deep.equal({ trace: 't', own: 'real' });
    expect(build().headers).to.deep.equal({});
  });

  it('shows another name where it is asked to', () => {
    expect(build({ shadow: 'charge #7' })).to.include({ shadow: 'charge #7', task: 'billing.charge' });
  });
});
