/** What `celeriac explain` prints of what it was told. */
import type { ExplanationAnswer } from '@celeriac/core';
import { expect } from 'chai';

import { explanationLines } from '../../dist/commands/explain.js';

const answered = (
  source: ExplanationAnswer['source'],
  said: string,
  hasFailed = false,
): ExplanationAnswer => ({
  source,
  said,
  hasFailed,
});

describe('an explanation', () => {
  it('tells where it is with what is known, and nothing of what is not', () => {
    const lines = explanationLines({
      id: 'i',
      places: [
        {
          state: 'waiting',
          text: 'waits in q, next',
          name: 'n',
          facts: { queue: 'q', eta: null, group: undefined },
        },
      ],
      asked: [answered('queues', 'in q')],
    });
    expect(lines).to.deep.equal([
      'i  n',
      '  waits in q, next',
      '    queue: q',
      '',
      'asked',
      '  queues: in q',
    ]);
  });

  it('says what to do where nobody knows of it', () => {
    const advice = (...asked: ExplanationAnswer[]): string | undefined =>
      explanationLines({ id: 'i', places: [], asked })[2];

    expect(advice(answered('queues', 'not looked into: q (1)'))).to.match(/--search/u);
    expect(advice(answered('queues', 'nothing waits in them'))).to.match(/never sent, or it has ended/u);
    expect(advice(answered('workers', 'No connection.', true))).to.match(/not everybody could be asked/u);
  });

  it('shows nothing that drives a terminal', () => {
    const text = 'a\u001b[31mb';
    const lines = explanationLines({
      id: text,
      places: [{ state: 'running', text, name: text, facts: { worker: text } }],
      asked: [answered('workers', text)],
    });
    expect(lines.join('')).not.to.contain('\u001b');
  });
});
