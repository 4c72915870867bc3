/** A handler that acknowledges by itself: what it says first counts, and silence lasts until it is told to stop. */
import { silentLogger } from '@celeriac/core';
import { expect } from 'chai';

import { Cancellation } from '../../../dist/cancellation.js';
import { Acknowledgement } from '../../../dist/event-handler/acknowledgement.js';
import { Application } from '../../../dist/event-handler/application.js';

async function ending(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'done',
    (error: unknown) => (error as Error).message,
  );
}

describe('Acknowledgement', () => {
  let said: Acknowledgement;
  let cancellation: Cancellation;
  const heard = (handler: () => unknown): Promise<string> =>
    ending(said.heard(handler, cancellation, silentLogger));

  beforeEach(() => {
    said = new Acknowledgement();
    cancellation = new Cancellation();
  });

  it('ends with ack, also before the handler has returned, and later words do nothing', async () => {
    const handler = async (): Promise<never> => {
      said.ack();
      said.reject('too late');
      await new Promise(setImmediate);
      throw new Error('nobody minds');
    };

    expect(await heard(handler)).to.equal('done');
    await new Promise(setImmediate);
  });

  it('ends with reject, and with what the handler throws before it has said anything', async () => {
    expect(await heard(() => said.reject('no'))).to.equal('no');
    said = new Acknowledgement();
    const failing = (): never => {
      throw new Error('broken');
    };
    expect(await heard(failing)).to.equal('broken');
  });

  it('waits for a handler that returned without a word, until it is told to stop', async () => {
    let isOver = false;
    const ended = heard(() => undefined).finally(() => (isOver = true));
    await new Promise(setImmediate);
    expect(isOver).to.equal(false);

    cancellation.cancel('shutdown', new Error('stop'));

    expect(await ended).to.equal('stop');
  });

  it('is chosen by a word that is known', () => {
    const wrong = { ack: 'manuel' as 'manual' };
    expect(() => new Application('app').on('a', () => undefined, wrong)).to.throw(
      /neither 'auto' nor 'manual'/u,
    );
  });
});
