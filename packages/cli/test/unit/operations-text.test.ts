/** The tables of `celeriac queues` and `celeriac status --watch`. */
import type { QueueReport } from '@celeriac/core';
import { expect } from 'chai';

import { queueLines } from '../../dist/commands/queues-text.js';
import { nodeLines, statusLines, StatusMemory } from '../../dist/commands/status-text.js';

const queue = (name: string, more: Partial<QueueReport> = {}): QueueReport => ({
  ...{ queue: name, purpose: 'task', state: 'exists', messages: 0, consumers: 1, type: 'quorum' },
  arguments: {},
  ...more,
});

describe('celeriac queues', () => {
  it('marks what somebody should look at', () => {
    const reports = [
      queue('a', { messages: 7 }),
      queue('a.dead-letter', { purpose: 'dead-letter', messages: 2, consumers: 0 }),
      queue('b', { messages: 7, consumers: 0 }),
      queue('c', { state: 'missing', messages: undefined, consumers: undefined }),
      queue('d\u001b[2J', { state: 'refused', messages: undefined, consumers: undefined }),
    ];

    const shown = queueLines({ reports, isAll: false });

    expect(shown.map(({ tone }) => tone)).to.deep.equal(['head', undefined, 'bad', 'bad', 'faint', 'faint']);
    expect(shown[3]?.text).to.match(/^b +task +7 +0 +quorum +nobody consumes it$/u);
    expect(shown[4]?.text).to.match(/^c +task +- +- +quorum +not there$/u);
    expect(shown[5]?.text).to.match(/^d\\u001b\[2J .*no permission/u);
  });

  it('leaves out empty delay queues, unless all are wanted', () => {
    const reports = [0, 3].map((messages) =>
      queue(`celery_delayed_${messages}`, { purpose: 'delay', messages, consumers: 0 }),
    );

    expect(queueLines({ reports, isAll: false })).to.have.length(2);
    expect(queueLines({ reports, isAll: true })).to.have.length(3);
  });

  it('says how many did not fit into the screen', () => {
    const reports = Array.from({ length: 30 }, (_, index) => queue(`q${index}`));

    const shown = queueLines({ reports, isAll: false }, { width: 80, height: 10 });

    expect(shown).to.have.length(10);
    expect(shown.at(-1)?.text).to.equal('… and 22 more');
  });
});

describe('celeriac status', () => {
  it('says which name several workers have (K20-3)', () => {
    expect(nodeLines(['a@h', 'b@h', 'b@h'])).to.deep.equal([
      'a@h: OK',
      'b@h: OK, from 2 workers of this name: give each its own (--node-name)',
    ]);
  });
});

describe('celeriac status --watch', () => {
  const answer = (node: string) => ({ node, active: [], processed: 5, concurrency: 4 });

  it('shows who has stopped to answer, and for how long', () => {
    const memory = new StatusMemory();
    memory.hear([answer('w1@h'), answer('w2@h')], 1_000);

    const shown = statusLines(memory.hear([answer('w2@h')], 13_000));

    expect(shown.map(({ text }) => text).slice(0, 1)).to.deep.equal([
      '1970-01-01T00:00:13.000Z  1 of 2 answer',
    ]);
    expect(shown[3]).to.deep.include({ tone: 'bad' });
    expect(shown[3]?.text).to.match(/^w1@h +no answer for 12s +- +4 +5$/u);
    expect(shown[4]?.text).to.match(/^w2@h +OK +0 +4 +5$/u);
  });

  it('forgets in time who has gone for good', () => {
    const memory = new StatusMemory();
    memory.hear([answer('w1@h')], 0);

    expect(memory.hear([], 600_001).workers).to.deep.equal([]);
  });
});
