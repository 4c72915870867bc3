/** Which message made the broker close the channel. No broker. */
import { expect } from 'chai';

import { closeCause } from '../../../dist/amqp/close-cause.js';
import type { OutgoingMessage } from '../../../dist/ports.js';
import { outgoing } from './outgoing.js';

const end = (code: number | undefined, text: string) => ({ code, text, cause: new Error(text) });

const missing = end(404, "NOT_FOUND - no exchange 'nope' in vhost '/'");
const tooLarge = end(406, 'PRECONDITION_FAILED - message size 20 is larger than configured max size 10');
const refusedBy = (exchange: string) =>
  end(403, `ACCESS_REFUSED - write access to exchange '${exchange}' in vhost '/' refused for user 'u'`);

/** What each message is to blame for; undefined for those that may be sent again. */
function blame(ended: ReturnType<typeof end>, messages: readonly OutgoingMessage[]): unknown {
  const cause = closeCause(ended, messages.length);
  return cause === undefined ? 'nobody knows' : messages.map((one) => cause.errorFor(one)?.code);
}

describe('closeCause', () => {
  const bystander = outgoing('1');

  it('blames a missing exchange on the messages to that exchange only', () => {
    const guilty = outgoing('2', { exchange: 'nope' });

    expect(blame(missing, [bystander, guilty, guilty])).to.deep.equal([
      undefined,
      'ERR_EXCHANGE_NOT_FOUND',
      'ERR_EXCHANGE_NOT_FOUND',
    ]);
  });

  it('blames the size on the messages over the limit only, and says the limit', () => {
    const guilty = outgoing('2', { body: Buffer.alloc(11) });
    const allowed = outgoing('3', { body: Buffer.alloc(10) });

    expect(blame(tooLarge, [bystander, guilty, allowed])).to.deep.equal([
      undefined,
      'ERR_MESSAGE_TOO_LARGE',
      undefined,
    ]);
    expect(closeCause(tooLarge, 3)).to.have.property('sizeLimit', 10);
  });

  it('blames a refusal on the messages to that exchange, and knows the name of the default one', () => {
    const guilty = outgoing('2', { exchange: 'x' });

    expect(blame(refusedBy('x'), [bystander, guilty])).to.deep.equal([undefined, 'ERR_PUBLISH_REFUSED']);
    expect(blame(refusedBy('amq.default'), [bystander, guilty])).to.deep.equal([
      'ERR_PUBLISH_REFUSED',
      undefined,
    ]);
  });

  it('blames no message for an error of the broker itself, not even the only one', () => {
    const internal = end(541, 'INTERNAL_ERROR');

    expect(blame(internal, [bystander])).to.deep.equal([undefined]);
    expect(blame(internal, [bystander, bystander])).to.deep.equal([undefined, undefined]);
  });

  it('blames the only message in flight for words it does not know, and nobody among several', () => {
    const internal = end(403, "ACCESS_REFUSED - cannot publish to internal exchange 'i' in vhost '/'");

    expect(blame(internal, [bystander])).to.deep.equal(['ERR_PUBLISH_REFUSED']);
    expect(blame(internal, [bystander, bystander])).to.equal('nobody knows');
  });

  it('reads words only under the reply code they belong to', () => {
    expect(blame({ ...missing, code: 406 }, [bystander, bystander])).to.equal('nobody knows');
    expect(blame({ ...tooLarge, code: 404 }, [bystander, bystander])).to.equal('nobody knows');
  });
});
