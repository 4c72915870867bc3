/** What is made of the broker's counts and the workers' answers, strangers' among them. */
import { expect } from 'chai';

import {
  type ApplicationReportParts,
  applicationReports,
  tellEventHandlers,
} from '../../dist/application-report.js';
import type { ControlAnswer } from '../../dist/control/control-answer.js';
import { ManualClock } from '../support/manual-clock.js';

const application = {
  name: 'app',
  queue: 'events.app',
  patterns: ['a.#'],
  registeredAt: '2031-01-01T00:00:00.000Z',
};
const answer = (value: unknown): ControlAnswer => ({ node: 'one', value });
const said = (more: object = {}): ControlAnswer =>
  answer({ app: { queue: 'events.app', prefetch: 3, paused: false, in_hand: 2, oldest: null, ...more } });

describe('the reports of applications', () => {
  function parts(answers: readonly ControlAnswer[] | Error): ApplicationReportParts {
    const call = () => (answers instanceof Error ? Promise.reject(answers) : Promise.resolve(answers));
    return {
      applications: { list: () => Promise.resolve([application]) },
      counter: { count: () => Promise.resolve({ state: 'exists', messages: 5, consumers: 1 }) },
      control: { call },
      clock: new ManualClock(),
    };
  }

  it('add up what waits and what all handlers have, and take the age of the oldest', async () => {
    const now = new ManualClock().now() / 1000;
    const answers = [said({ oldest: now - 4 }), said({ oldest: now - 9, paused: true, in_hand: 1 }), said()];

    const [report] = await applicationReports(parts(answers));

    expect(report).to.include({ waiting: 5, inHand: 5, lag: 10, handlers: 3, pausedHandlers: 1 });
    expect(report?.oldestAge).to.be.closeTo(9, 0.001);
  });

  it('leave out what is no answer, or of another application, and no age is below zero', async () => {
    const strangers = [null, 'no', {}, { other: {} }, { app: null }, { app: { paused: 'yes' } }];
    const bad = [said({ in_hand: -1 }), said({ oldest: 'soon' }), said({ oldest: Infinity })];
    const ahead = said({ oldest: new ManualClock().now() / 1000 + 60 });

    const [report] = await applicationReports(parts([...strangers.map(answer), ...bad, ahead]));

    expect(report).to.include({ handlers: 1, inHand: 2, lag: 7, oldestAge: 0 });
  });

  it('show the queues, and a pause holds, where workers cannot be asked', async () => {
    const refused = parts(new Error('ACCESS_REFUSED'));

    const [report] = await applicationReports(refused);

    expect(report).to.include({ lag: 5, handlers: 0, oldestAge: undefined });
    expect(await tellEventHandlers(refused.control, 'app')).to.deep.equal({ handlers: 0, pausedHandlers: 0 });
  });
});
