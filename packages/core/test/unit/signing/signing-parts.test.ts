/** Signatures over what is not in the body: a body that is kept elsewhere, the state of a checkpoint. */
import { expect } from 'chai';

import type { OutgoingMessage } from '../../../dist/ports.js';
import { taskAtCheckpoint } from '../../../dist/protocol/again.js';
import { checkpointHeader, checkpointsHeader } from '../../../dist/protocol/checkpoint-headers.js';
import { claimMediaType, payloadHeader, withClaim } from '../../../dist/protocol/claim.js';
import { signingCopies } from '../../../dist/signing/signer.js';
import { hmacParty, inQueue, signed, taskMessage, verdictOn, withHeader } from './parties.js';

describe('a signature of a message that is more than its body', () => {
  it('made for a body in the message is refused once that is said to be kept elsewhere, and the other way', async () => {
    const { signer, verifier } = await hmacParty();
    const claim = { reference: 'a/1', bytes: 3, sha256: 'a'.repeat(64) };
    const whole = await signed(taskMessage(), signer);
    const claimed = await signed({ ...whole, ...withClaim(taskMessage(), claim) }, signer);
    const ofType = (message: OutgoingMessage, contentType: string): OutgoingMessage => ({
      ...message,
      properties: { ...message.properties, contentType },
    });

    const verdicts = [
      ofType(withHeader(whole, payloadHeader, claim), claimMediaType),
      ofType(whole, claimMediaType),
      ofType(claimed, 'application/json'),
    ].map((message) => verdictOn(verifier, inQueue(message)));

    expect(verdicts).to.deep.equal(['bad-signature', 'bad-signature', 'bad-signature']);
  });

  it('is over a body that is kept elsewhere: another reference, length or digest is refused', async () => {
    const { signer, verifier } = await hmacParty();
    const claim = { reference: 'a/b', bytes: 70_000, sha256: 'a'.repeat(64) };
    const message = await signed({ ...taskMessage(), ...withClaim(taskMessage(), claim) }, signer);
    const plain = await signed(taskMessage(), signer);
    const changed = [
      ...[{ reference: 'a/c' }, { bytes: 70_001 }, { sha256: 'b'.repeat(64) }].map((other) =>
        withHeader(message, payloadHeader, { ...claim, ...other }),
      ),
      ...['a/b', undefined].map((other) => withHeader(message, payloadHeader, other)),
      { ...plain, ...withClaim(plain, claim) },
    ];

    expect(verdictOn(verifier, inQueue(message))).to.equal('ok');
    // Without the content type nobody fetches anything: the body that was signed is the one that is read.
    expect(verdictOn(verifier, inQueue(withHeader(plain, payloadHeader, claim)))).to.equal('ok');
    expect(changed.map((one) => verdictOn(verifier, inQueue(one)))).to.deep.equal(
      changed.map(() => 'bad-signature'),
    );
  });

  it('is made anew for the copy that goes on from a checkpoint, over its state, and where the body is', async () => {
    const { signer, verifier } = await hmacParty();
    const goingOn = signingCopies(taskAtCheckpoint('UTC'), signer);
    const claim = { reference: 'a/b', bytes: 70_000, sha256: 'a'.repeat(64) };
    const message = await signed({ ...taskMessage(), ...withClaim(taskMessage(), claim) }, signer);

    const copy = { ...message, ...goingOn(inQueue(message), { state: '{"page":2}', now: 500 }) };
    const plain = await signed(taskMessage(), signer);
    const forged = [
      withHeader(copy, checkpointHeader, '{"page":9}'),
      withHeader(copy, checkpointHeader, undefined),
      withHeader(copy, checkpointsHeader, 2),
      withHeader(copy, checkpointsHeader, undefined),
      withHeader(plain, checkpointHeader, '{"page":2}'),
      withHeader(plain, checkpointsHeader, 1),
    ];

    expect(verdictOn(verifier, inQueue(copy))).to.equal('ok');
    expect(copy.properties.headers?.[payloadHeader]).to.deep.equal(claim);
    expect(copy.body).to.equal(message.body);
    expect(forged.map((one) => verdictOn(verifier, inQueue(one)))).to.deep.equal(
      forged.map(() => 'bad-signature'),
    );
  });
});
