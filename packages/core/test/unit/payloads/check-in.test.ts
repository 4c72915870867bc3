/** Large bodies before they are published: stored, warned of or refused. A store in memory, no broker. */
import { createHash } from 'node:crypto';

import { expect } from 'chai';

import { loadConfig } from '../../../dist/config/load.js';
import type { Logger } from '../../../dist/logger.js';
import { silentLogger } from '../../../dist/logger.js';
import { PayloadCheckIn } from '../../../dist/payloads/check-in.js';
import type { PayloadStore } from '../../../dist/payloads/store.js';
import type { PreparedTask } from '../../../dist/prepared.js';
import { claimMediaType, decodeClaim, payloadHeader, withBody } from '../../../dist/protocol/claim.js';
import { decodeTask, encodeTask } from '../../../dist/protocol/celery-v2.js';
import { taskAnew, taskForRetry } from '../../../dist/protocol/again.js';
import { ManualClock } from '../../support/manual-clock.js';

const limits = { timeZone: 'UTC', maxBytes: 2 ** 20 };

function task(bytes: number, name = 'report.make'): PreparedTask {
  const message = {
    kind: 'task',
    id: 'a1',
    task: name,
    args: ['x'.repeat(bytes)],
    kwargs: {},
    retries: 2,
    timeLimit: {},
    rootId: 'a1',
    embed: { callbacks: null, errbacks: null, chain: null, chord: null },
    headers: {},
    expires: Date.UTC(2026, 0, 2),
  } as const;
  return { kind: 'task', id: 'a1', name, queue: 'q', ...encodeTask(message, Date.UTC(2026, 0, 1)) };
}

describe('a large body', () => {
  let clock: ManualClock;
  let lines: (readonly [string, unknown])[];
  const logger: Logger = { ...silentLogger, warn: (line, fields) => void lines.push([line, fields]) };

  beforeEach(() => {
    clock = new ManualClock();
    lines = [];
  });

  async function checkIn(store?: Partial<PayloadStore>): Promise<PayloadCheckIn> {
    const { tasks: config } = await loadConfig(
      { tasks: { payload_threshold: 2048, max_payload_size: 8192, max_unsettled_bytes: 10_000 } },
      { env: {} },
    );
    const whole = store && ({ put: () => Promise.resolve('ref'), ...store } as PayloadStore);
    return new PayloadCheckIn({ store: whole, config, logger, clock });
  }

  async function code(checking: Promise<unknown> | undefined): Promise<unknown> {
    return checking?.then(
      () => undefined,
      (error: unknown) => (error as { code: string }).code,
    );
  }

  it('is warned of once per task where there is no store, and sent as it is', async () => {
    const payloads = await checkIn();

    for (let n = 0; n < 3; n++) expect(payloads.checkIn(task(3000))).to.equal(undefined);
    expect(payloads.checkIn(task(3000, 'other'))).to.equal(undefined);
    expect(payloads.checkIn(task(100, 'small'))).to.equal(undefined);

    expect(lines.map(([, fields]) => (fields as { task: string }).task)).to.deep.equal([
      'report.make',
      'other',
    ]);
  });

  it('is put into the store, and its message carries what finds and checks it', async () => {
    const put: Buffer[] = [];
    const payloads = await checkIn({
      put: (bytes, { id, task: name, sha256 }) => {
        put.push(bytes);
        return Promise.resolve(`${id}/${name}/${sha256.slice(0, 4)}`);
      },
    });
    const whole = task(3000);

    const sent = await payloads.checkIn(whole);

    const sha256 = createHash('sha256').update(whole.body).digest('hex');
    const claim = { reference: `a1/report.make/${sha256.slice(0, 4)}`, bytes: whole.body.length, sha256 };
    expect(put).to.deep.equal([whole.body]);
    expect(sent?.body.length).to.be.below(200);
    expect(sent?.properties.contentType).to.equal(claimMediaType);
    expect(sent?.properties.headers).to.deep.include({
      id: 'a1',
      task: 'report.make',
      [payloadHeader]: claim,
    });
    const decoded = decodeClaim(sent!, limits);
    expect(decoded).to.deep.equal({
      ok: true,
      message: { id: 'a1', task: 'report.make', retries: 2, expires: Date.UTC(2026, 0, 2), claim },
    });
    expect(decodeTask(withBody(sent!, put[0]!))).to.deep.equal(decodeTask(whole));
  });

  it('is not run without its body: read as a task it is malformed', async () => {
    const sent = await (await checkIn({})).checkIn(task(3000));

    expect(decodeTask(sent!)).to.include({ ok: false, reason: 'content-type' });
  });

  it('stays where it is when its message is tried again or sent anew', async () => {
    const sent = await (await checkIn({})).checkIn(task(3000));
    const received = { ...sent!, exchange: '', routingKey: 'q' };

    const again = taskForRetry('UTC')(received, { retries: 3, eta: 7, now: 5 });
    const anew = taskAnew(received, 'UTC', 5);

    for (const copy of [again, anew]) {
      expect(copy.body).to.deep.equal(sent?.body);
      expect(copy.properties.contentType).to.equal(claimMediaType);
      expect(copy.properties.headers?.[payloadHeader]).to.deep.equal(
        sent?.properties.headers?.[payloadHeader],
      );
    }
    expect(again.properties.headers?.retries).to.equal(3);
  });

  it('over the largest size is refused, and so is one that the store does not keep', async () => {
    expect(await code((await checkIn({})).checkIn(task(9000)))).to.equal('ERR_MESSAGE_TOO_LARGE');
    for (const put of [
      () => Promise.reject(new Error('disk full')),
      () => Promise.resolve(7 as never),
      () => Promise.resolve('x'.repeat(1025)),
      () => {
        throw new Error('at once');
      },
    ]) {
      expect(await code((await checkIn({ put })).checkIn(task(3000)))).to.equal('ERR_PAYLOAD_STORE');
    }
  });

  it('has a deadline, at which the store is told', async () => {
    let signal: AbortSignal | undefined;
    const payloads = await checkIn({
      put: (_bytes, about) => {
        signal = about.signal;
        return new Promise(() => undefined);
      },
    });
    const sending = code(payloads.checkIn(task(3000)));
    await clock.advance(30_000);

    expect(await sending).to.equal('ERR_PAYLOAD_STORE');
    expect(signal?.aborted).to.equal(true);
  });

  it('waits in memory up to a bound only', async () => {
    let finish: () => void = () => undefined;
    const put = () => new Promise<string>((resolve) => (finish = () => resolve('ref')));
    const payloads = await checkIn({ put });
    const first = code(payloads.checkIn(task(8000)));

    expect(await code(payloads.checkIn(task(8000)))).to.equal('ERR_PUBLISH_BACKPRESSURE');
    finish();
    expect(await first).to.equal(undefined);
    const next = code(payloads.checkIn(task(8000)));
    finish();
    expect(await next).to.equal(undefined);
  });
});

describe('a message that carries a reference', () => {
  const good = { reference: 'r', bytes: 3, sha256: 'a'.repeat(64) };
  const bad: readonly (readonly [string, unknown])[] = [
    ['no table', 'text'],
    ['no reference', { ...good, reference: '' }],
    ['a reference that is too long', { ...good, reference: 'x'.repeat(1025) }],
    ['a negative size', { ...good, bytes: -1 }],
    ['a size that is text', { ...good, bytes: '3' }],
    ['a digest of another kind', { ...good, sha256: '../../etc/passwd' }],
    ['nothing', undefined],
  ];
  const received = (claim: unknown) => ({
    body: Buffer.from('{}'),
    properties: { contentType: claimMediaType, headers: { id: '1', task: 't', [payloadHeader]: claim } },
  });

  for (const [what, claim] of bad) {
    it(`with ${what} is malformed`, () => {
      expect(decodeClaim(received(claim), limits)).to.include({ ok: false, reason: 'bad-field' });
    });
  }

  it('with a size over the limit is refused unread', () => {
    const huge = received({ ...good, bytes: 2 ** 20 + 1 });
    expect(decodeClaim(huge, limits)).to.include({ ok: false, reason: 'too-large' });
    expect(decodeClaim(received({ ...good, bytes: 2 ** 20 }), limits)).to.include({ ok: true });
  });
});
