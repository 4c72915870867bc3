/** What a publisher keeps of replies: as long as somebody waits, else for a while, and never without bound. */
import { expect } from 'chai';

import { isCeleriacError } from '../../../dist/errors.js';
import { silentLogger } from '../../../dist/logger.js';
import type { ResultRecord } from '../../../dist/protocol/result.js';
import { ReplyBox } from '../../../dist/results/reply-box.js';
import { ManualClock } from '../../support/manual-clock.js';

const never = new AbortController().signal;
const record = (id: string, status = 'SUCCESS', value: unknown = 1): ResultRecord => {
  return { id, status, value, children: [] };
};

function code(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return isCeleriacError(error) ? error.code : 'none';
  }
}

describe('the replies of a publisher', () => {
  let clock: ManualClock;
  const box = (more = {}): ReplyBox =>
    new ReplyBox({ clock, logger: silentLogger, expiresMs: 60_000, ...more });
  beforeEach(() => {
    clock = new ManualClock();
  });

  it('reach who waits, and are gone then', async () => {
    const replies = box();
    replies.expect('a');
    const taken = replies.take('a', never);
    replies.arrived(record('a', 'STARTED', { pid: 1 }), 10);
    replies.arrived(record('a'), 10);
    expect(await taken).to.include({ status: 'SUCCESS', value: 1 });
    expect(replies.size).to.equal(0);
    expect(code(() => replies.read('a'))).to.equal('ERR_RESULT_UNKNOWN');
  });

  it('are kept for who asks later, all states in turn', async () => {
    const replies = box();
    replies.expect('a');
    expect(replies.read('a')).to.equal(undefined);
    replies.arrived(record('a', 'STARTED'), 10);
    expect(replies.read('a')).to.include({ status: 'STARTED' });
    replies.arrived(record('a'), 10);
    expect(replies.read('a')).to.include({ status: 'SUCCESS' });
    expect(await replies.take('a', never)).to.include({ status: 'SUCCESS' });
  });

  it('that say SUCCESS are not replaced by those of a later run', () => {
    const replies = box();
    replies.expect('a');
    replies.arrived(record('a'), 10);
    for (const status of ['RETRY', 'FAILURE', 'STARTED']) replies.arrived(record('a', status), 10);
    expect(replies.read('a')).to.include({ status: 'SUCCESS' });
  });

  it('that nobody expects are dropped', () => {
    const replies = box();
    replies.arrived(record('stranger'), 10);
    expect(replies.size).to.equal(0);
  });

  it('that nobody reads expire, also when they never came; what is waited for stays', async () => {
    const replies = box();
    for (let index = 0; index < 500; index++) replies.expect(`unread ${index}`);
    for (let index = 0; index < 400; index++) replies.arrived(record(`unread ${index}`), 100);
    replies.expect('waited for');
    const taken = replies.take('waited for', never);
    replies.expect('due later', clock.now() + 3_600_000);
    expect(replies.size).to.equal(502);
    for (let step = 0; step < 4; step++) await clock.advance(31_000);
    expect(replies.size).to.equal(2);
    replies.arrived(record('waited for'), 10);
    expect(await taken).to.include({ id: 'waited for' });
  });

  it('are bounded in number and in bytes: the oldest that nobody waits for go first', () => {
    const few = box({ maxEntries: 10 });
    const waiting = [];
    few.expect('waited for');
    waiting.push(few.take('waited for', never));
    for (let index = 0; index < 100; index++) few.expect(String(index));
    expect(few.size).to.be.at.most(10);
    expect(few.read('waited for')).to.equal(undefined);
    expect(code(() => few.read('0'))).to.equal('ERR_RESULT_UNKNOWN');

    const small = box({ maxBytes: 1000 });
    for (let index = 0; index < 100; index++) {
      small.expect(String(index));
      small.arrived(record(String(index)), 100);
    }
    expect(small.size).to.be.at.most(10);
    expect(small.read('99')).to.include({ status: 'SUCCESS' });
    waiting[0]?.catch(() => undefined);
    few.fail(new Error('closed'));
  });

  it('end for who waits when the publisher is closed, or his signal fires', async () => {
    const replies = box();
    const leaving = new AbortController();
    replies.expect('a');
    const both = [replies.take('a', leaving.signal), replies.take('a', never)];
    const all = Promise.allSettled(both);
    leaving.abort(new Error('left'));
    replies.fail(new Error('closed'));
    const reasons = (await all).map((one) => (one.status === 'rejected' ? String(one.reason) : 'none'));
    expect(reasons).to.deep.equal(['Error: left', 'Error: closed']);
    expect(replies.size).to.equal(0);
  });

  it('are not expected any more of what was not published', () => {
    const replies = box();
    replies.expect('a');
    replies.withdraw('a');
    expect(replies.size).to.equal(0);
  });
});
