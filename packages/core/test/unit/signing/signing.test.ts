/** Signing and verifying, without a broker: what is accepted, what is refused and why. */
import { inspect } from 'node:util';

import { expect } from 'chai';
import fc from 'fast-check';

import type { OutgoingMessage } from '../../../dist/ports.js';
import { taskForRetry } from '../../../dist/protocol/again.js';
import { signatureHeaders, signedBytes, type SignedFields } from '../../../dist/protocol/signature.js';
import { signingCopies } from '../../../dist/signing/signer.js';
import { ManualClock } from '../../support/manual-clock.js';
import {
  hmacParty,
  inQueue,
  otherSecret,
  party,
  privatePem,
  secret,
  signed,
  taskMessage,
  verdictOn,
  withHeader,
} from './parties.js';

const hour = 3_600_000;

describe('a signature', () => {
  for (const keys of [
    { main: { secret } },
    { main: { algorithm: 'ed25519' as const, secret: privatePem } },
  ]) {
    const { algorithm = 'hmac-sha256' } = keys.main as { algorithm?: string };
    it(`of ${algorithm} is accepted for the message it was made for`, async () => {
      const { signer, verifier } = await party({ sign_with: 'main', require: true, keys });

      const message = await signed(taskMessage(), signer);

      expect(verdictOn(verifier, inQueue(message))).to.equal('ok');
    });

    it(`of ${algorithm} is refused once any bit of the body, of it or of a signed field is flipped`, async () => {
      const { signer, verifier } = await party({ sign_with: 'main', require: true, keys });
      const message = await signed(taskMessage({ eta: hour, expires: 2 * hour, replyTo: 'r' }), signer);
      const accepted: string[] = [];
      const tryOne = (what: string, changed: OutgoingMessage): void => {
        if (verdictOn(verifier, inQueue(changed)) === 'ok') accepted.push(what);
      };
      for (let bit = 0; bit < message.body.length * 8; bit++) {
        const body = Buffer.from(message.body);
        body[bit >> 3]! ^= 1 << (bit & 7);
        tryOne(`bit ${bit} of the body`, { ...message, body });
      }
      const names = ['task', 'id', 'eta', 'expires', ...Object.values(signatureHeaders)];
      for (const name of names) {
        const text = message.properties.headers?.[name] as string;
        // The last character of base64url has bits that mean nothing.
        const last = name === signatureHeaders.signature ? text.length - 1 : text.length;
        for (let at = 0; at < last; at++) {
          const flipped = String.fromCharCode(text.charCodeAt(at) ^ 1);
          tryOne(
            `${name}, ${at}`,
            withHeader(message, name, text.slice(0, at) + flipped + text.slice(at + 1)),
          );
        }
      }
      tryOne('retries', withHeader(message, 'retries', 1));
      tryOne('reply_to', { ...message, properties: { ...message.properties, replyTo: 's' } });

      expect(accepted).to.deep.equal([]);
    });
  }

  it('is refused in another queue, whatever the message says of its way', async () => {
    const { signer, verifier } = await hmacParty();
    const message = await signed(taskMessage(), signer);
    const elsewhere = { queue: 'payroll', routingKey: 'payroll' };
    const spoofed = withHeader(message, 'celeriac-routing-key', 'billing');

    expect(verdictOn(verifier, inQueue(message, elsewhere))).to.equal('bad-signature');
    expect(verdictOn(verifier, inQueue(spoofed, elsewhere))).to.equal('bad-signature');
    const delayed = withHeader(
      withHeader(message, 'celeriac-exchange', 'celery_delayed_delivery'),
      'celeriac-routing-key',
      `${'0.'.repeat(28)}billing`,
    );
    expect(verdictOn(verifier, inQueue(delayed, elsewhere))).to.equal('bad-signature');
  });

  it('holds on every way through the delay queues, also to a queue of a very long name', async () => {
    const { signer, verifier } = await hmacParty();
    for (const queue of ['billing', 'q'.repeat(255), 'a.*.b']) {
      const { Delays } = await import('../../../dist/delays.js');
      const declarer = { ensure: () => undefined, forget: () => undefined };
      const delays = new Delays({ declarer, queueType: 'quorum', topologyOf: () => ({}) as never });
      const outgoing = delays.message(taskMessage({ eta: 90_000 }), { queue, delayMs: 90_000 });
      const message = await signed(outgoing, signer);

      const out = { queue, exchange: 'celery_delayed_delivery' };
      expect(verdictOn(verifier, inQueue(message, out))).to.equal('ok');
      expect(verdictOn(verifier, inQueue(message, { ...out, exchange: '', routingKey: queue }))).to.equal(
        'ok',
      );
    }
  });

  it('of a message for an exchange holds for that exchange and key only', async () => {
    const { signer, verifier } = await hmacParty();
    const message = await signed({ ...taskMessage(), exchange: 'bus', routingKey: 'bill' }, signer);

    expect(verdictOn(verifier, inQueue(message))).to.equal('ok');
    expect(verdictOn(verifier, inQueue(message, { routingKey: 'pay' }))).to.equal('bad-signature');
    expect(verdictOn(verifier, inQueue(message, { exchange: 'other' }))).to.equal('bad-signature');
  });

  it('that is missing, or of a key that nobody knows, is refused with its reason', async () => {
    const { verifier } = await hmacParty();
    const other = await party({ sign_with: 'old', keys: { old: { secret: otherSecret } } });
    const forged = await party({ sign_with: 'main', keys: { main: { secret: otherSecret } } });

    expect(verdictOn(verifier, inQueue(taskMessage()))).to.equal('unsigned');
    expect(verdictOn(verifier, inQueue(await signed(taskMessage(), other.signer)))).to.equal('unknown-key');
    expect(verdictOn(verifier, inQueue(await signed(taskMessage(), forged.signer)))).to.equal(
      'bad-signature',
    );
  });

  it('of the old key and of the new one are both accepted while keys are changed, and the old one no longer after', async () => {
    const old = { secret: otherSecret };
    const before = await hmacParty({ sign_with: 'old', keys: { old } });
    const both = await hmacParty({ sign_with: 'new', keys: { old, new: { secret } } });
    const after = await hmacParty({ sign_with: 'new', keys: { new: { secret } } });
    const byOld = inQueue(await signed(taskMessage(), before.signer));
    const byNew = inQueue(await signed(taskMessage(), both.signer));

    expect([byOld, byNew].map((one) => verdictOn(both.verifier, one))).to.deep.equal(['ok', 'ok']);
    expect([byOld, byNew].map((one) => verdictOn(after.verifier, one))).to.deep.equal(['unknown-key', 'ok']);
  });

  it('is good for its window, and from the eta on where that is later', async () => {
    const clock = new ManualClock();
    const { signer, verifier } = await hmacParty({ window: '1h' }, clock);
    const now = inQueue(await signed(taskMessage(), signer));
    const later = inQueue(await signed(taskMessage({ eta: clock.now() + 2 * hour }), signer));
    const verdicts = (): string[] => [now, later].map((one) => verdictOn(verifier, one));

    await clock.advance(hour);
    expect(verdicts()).to.deep.equal(['ok', 'ok']);
    await clock.advance(1);
    expect(verdicts()).to.deep.equal(['expired-window', 'ok']);
    await clock.advance(2 * hour);
    expect(verdicts()).to.deep.equal(['expired-window', 'expired-window']);
  });

  it('from the future is accepted for five minutes of skew, and no further', async () => {
    const clock = new ManualClock();
    const ahead = new ManualClock(clock.now() + 5 * 60_000);
    const { verifier } = await hmacParty({}, clock);
    const { signer } = await hmacParty({}, ahead);
    const within = await signed(taskMessage(), signer);
    await ahead.advance(1);
    const beyond = await signed(taskMessage(), signer);

    expect(verdictOn(verifier, inQueue(within))).to.equal('ok');
    expect(verdictOn(verifier, inQueue(beyond))).to.equal('expired-window');
  });

  it('is checked where it is there, also where none is required', async () => {
    const { verifier } = await hmacParty({ require: false });
    const forged = await party({ sign_with: 'main', keys: { main: { secret: otherSecret } } });

    expect(verdictOn(verifier, inQueue(taskMessage()))).to.equal('ok');
    expect(verdictOn(verifier, inQueue(await signed(taskMessage(), forged.signer)))).to.equal(
      'bad-signature',
    );
  });

  it('of any shape never throws', async () => {
    const { verifier } = await hmacParty();
    const shapes: unknown[] = [
      null,
      1,
      '',
      'v1.',
      'v2.AAAA',
      'v1.====',
      {},
      [],
      Buffer.from('v1.AAAA'),
      2n ** 70n,
    ];
    for (const name of Object.values(signatureHeaders)) {
      for (const value of shapes) {
        const all = {
          'celeriac-signature': 'v1.AAAA',
          'celeriac-signature-key': 'main',
          'celeriac-signature-time': '1',
        };
        const message = withHeader({ ...taskMessage() }, name, value);
        const headers = { ...all, ...message.properties.headers };
        const received = inQueue({ ...message, properties: { ...message.properties, headers } });
        expect(verdictOn(verifier, received), `${name}: ${inspect(value)}`).to.be.oneOf([
          'bad-signature',
          'unknown-key',
        ]);
      }
    }
  });

  it('is made anew for a further attempt, and only where the message had one', async () => {
    const { signer, verifier } = await hmacParty();
    const again = signingCopies(taskForRetry('UTC'), signer);
    const next = { retries: 1, eta: 1_000, now: 500 };

    const copy = again(inQueue(await signed(taskMessage(), signer)), next);
    const unsigned = again(inQueue(taskMessage()), next);

    const arrived = { ...copy, queue: 'billing', exchange: 'celery_delayed_delivery', routingKey: 'x' };
    expect(verdictOn(verifier, arrived)).to.equal('ok');
    expect(unsigned.properties.headers).not.to.have.property(signatureHeaders.signature);
  });

  it('has bytes of its own for every message: no field can borrow from the next', () => {
    const mark = { keyId: 'k', issuedAt: '1' };
    const fieldsOf = (t: readonly string[]): SignedFields => {
      const [id = '', name = '', exchange = '', routingKey = '', ...others] = t;
      const [retries = '', eta = '', expires = '', replyTo = ''] = others;
      return { kind: 'task', id, name, target: { exchange, routingKey }, retries, eta, expires, replyTo };
    };
    const bytes = (t: readonly string[]): string =>
      signedBytes(fieldsOf(t), mark, Buffer.alloc(0)).toString('hex');
    // The same text cut at other places: joined without lengths, all would be the same.
    const cuts = fc.array(fc.nat(12), { minLength: 7, maxLength: 7 }).map((all) => all.sort((x, y) => x - y));
    const cut = (text: string, at: readonly number[]): string[] =>
      [0, ...at].map((from, index) => text.slice(from, at[index] ?? text.length));
    fc.assert(
      fc.property(fc.string({ minLength: 12, maxLength: 12 }), cuts, cuts, (text, one, other) => {
        const [a, b] = [cut(text, one), cut(text, other)];
        expect(bytes(a) === bytes(b)).to.equal(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });
});
