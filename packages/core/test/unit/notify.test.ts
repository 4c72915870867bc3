import { EventEmitter } from 'node:events';

import { expect } from 'chai';

import { guarded, type Logger, silentLogger } from '../../dist/logger.js';
import { notifier } from '../../dist/notify.js';
import { settled } from '../support/manual-clock.js';

interface Events {
  happened: [what: string];
}

function collecting(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  return { lines, logger: { ...silentLogger, error: (message) => void lines.push(message) } };
}

describe('telling listeners', () => {
  it('goes on to the next listener when one throws, and logs it', () => {
    const events = new EventEmitter<Events>();
    const { logger, lines } = collecting();
    const heard: string[] = [];
    events.on('happened', () => {
      throw new Error('mine');
    });
    events.on('happened', (what) => void heard.push(what));

    notifier(events, logger)('happened', 'it');

    expect(heard).to.deep.equal(['it']);
    expect(lines).to.deep.equal(['a listener failed']);
  });

  it('logs a listener that rejects instead of leaving the rejection unhandled', async () => {
    const events = new EventEmitter<Events>();
    const { logger, lines } = collecting();
    events.on('happened', () => Promise.reject(new Error('later')) as unknown as undefined);

    notifier(events, logger)('happened', 'it');
    await settled();

    expect(lines).to.deep.equal(['a listener failed']);
  });

  it('tells a once-listener once', () => {
    const events = new EventEmitter<Events>();
    let count = 0;
    events.once('happened', () => {
      count++;
    });
    const tell = notifier(events, silentLogger);

    tell('happened', 'a');
    tell('happened', 'b');

    expect(count).to.equal(1);
  });
});

describe('a guarded logger', () => {
  it('swallows what its logger throws', () => {
    const broken = (): never => {
      throw new Error('disk full');
    };
    const logger = guarded({ debug: broken, info: broken, warn: broken, error: broken });

    expect(() => {
      logger.error('x', { a: 1 });
      logger.info('y');
    }).not.to.throw();
  });
});
