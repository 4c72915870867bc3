/** What a command says while the broker does not answer. */
import { expect } from 'chai';

import { ManualClock } from '../../../core/dist-test/support/manual-clock.js';
import { watchWaiting, type WaitingOptions } from '../../dist/waiting.js';

const connection = 'a connection';

/** With what it says, and once its patience is over. */
function watched(options: WaitingOptions = {}) {
  const said: string[] = [];
  const clock = new ManualClock();
  const waiting = watchWaiting({ ...options, clock, write: (line) => void said.push(line) });
  return { ...waiting, said, patient: () => clock.advance(2_000) };
}

describe('a command that waits for the broker', () => {
  it('says so after a while, and why, once', async () => {
    const { logger, said, patient } = watched();
    const error = new Error('nothing listens \u001b[2J');
    logger.warn('cannot connect, trying on', { connection, error });
    expect(said).to.deep.equal([]);
    await patient();
    logger.warn('cannot connect, trying on', { connection, error });

    expect(said).to.deep.equal(['waiting for the broker: nothing listens \\u001b[2J']);
  });

  it('says that there is no answer where nothing is known, and what becomes known later', async () => {
    const { logger, said, patient, end } = watched();
    await patient();
    logger.warn('broker blocks publishing', { connection, reason: 'low on memory' });
    end();
    logger.warn('connection lost', { connection, error: new Error('gone') });

    expect(said).to.deep.equal([
      'waiting for the broker: no answer yet',
      'waiting for the broker: broker blocks publishing (low on memory)',
    ]);
  });

  it('says nothing while it is connected, has ended, needs no broker, or a program reads it', async () => {
    const connected = watched();
    connected.logger.warn('cannot connect, trying on', { connection, error: new Error('x') });
    connected.logger.info('connected', { connection });
    connected.logger.warn('a queue exists with other arguments', {});
    const ended = watched();
    ended.end();
    const needless = watched({ isConnecting: false });
    const quiet = watched({ isQuiet: true });
    quiet.logger.warn('cannot connect, trying on', { connection, error: new Error('x') });
    const all = [connected, ended, needless, quiet];
    await Promise.all(all.map(({ patient }) => patient()));

    expect(all.map(({ said }) => said)).to.deep.equal([[], [], [], []]);
  });
});
