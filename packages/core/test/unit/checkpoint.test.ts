/** What a checkpoint keeps, the copy that goes on from it, and reading it again. */
import { expect } from 'chai';

import { isOutOfPatience } from '../../dist/amqp/channel-error.js';
import { understoodArguments } from '../../dist/amqp/server-version.js';
import { taskQueue } from '../../dist/amqp/topology.js';
import { Checkpoint, isCheckpoint } from '../../dist/checkpoint.js';
import { taskAtCheckpoint } from '../../dist/protocol/again.js';
import { decodeTask } from '../../dist/protocol/celery-v2.js';

const now = Date.UTC(2026, 10, 25);
const incoming = (headers: Record<string, unknown> = {}) => ({
  exchange: '',
  routingKey: 'q',
  body: Buffer.from('[[1],{},{}]'),
  properties: {
    messageId: 'm',
    contentType: 'application/json',
    expiration: '1000',
    headers: { task: 'a', id: 'm', retries: 2, expires: '2026-11-25T00:00:01Z', ...headers },
  },
});

describe('a checkpoint', () => {
  it('keeps a state as JSON, and refuses what is none or too large', () => {
    expect(new Checkpoint({ n: 1n })).to.include({ state: '{"n":1}', delayMs: 0 });
    expect(new Checkpoint(null, { delay: '2s' })).to.include({ state: 'null', delayMs: 2000 });
    expect(isCheckpoint(new Checkpoint(1))).to.equal(true);
    expect(isCheckpoint(new Error('other'))).to.equal(false);
    expect(() => new Checkpoint(() => 1))
      .to.throw()
      .with.property('code', 'ERR_NOT_SERIALIZABLE');
    expect(() => new Checkpoint('é'.repeat(17_000)))
      .to.throw()
      .with.property('code', 'ERR_MESSAGE_TOO_LARGE');
  });

  it('goes on as the same task: same id and retries, nothing counted, and no expiry', () => {
    const counted = { 'celeriac-crashes': 2, 'celeriac-deliveries': 4, 'x-delivery-count': 3 };
    const copy = taskAtCheckpoint('UTC')(incoming(counted), { state: '{"page":3}', now });

    expect(copy.body.toString()).to.equal('[[1],{},{}]');
    expect(copy.properties).not.to.have.property('expiration');
    expect(copy.properties.headers).to.deep.equal({
      task: 'a',
      id: 'm',
      retries: 2,
      eta: null,
      expires: null,
      'celeriac-checkpoint': '{"page":3}',
      'celeriac-checkpoints': 1,
    });
    const second = taskAtCheckpoint('UTC')({ ...incoming(), ...copy }, { state: '4', eta: now + 5000, now });
    expect(second.properties.headers).to.include({ 'celeriac-checkpoints': 2, 'celeriac-checkpoint': '4' });
    expect(second.properties.headers?.eta).to.equal('2026-11-25T00:00:05+00:00');
  });

  it('is read with its task; one that cannot be read makes the message malformed', () => {
    const state = { 'celeriac-checkpoint': '{"page":3}', 'celeriac-checkpoints': 7 };
    const decoded = decodeTask(incoming(state));
    expect(decoded).to.have.deep.nested.property('message.checkpoint', { state: { page: 3 }, number: 7 });
    for (const hostile of ['{', 5, '['.repeat(200)]) {
      expect(decodeTask(incoming({ 'celeriac-checkpoint': hostile }))).to.include({
        ok: false,
        reason: 'bad-field',
      });
    }
  });
});

describe("the broker's patience", () => {
  it('is declared where it is configured, and where the broker knows it', () => {
    const options = { queue: 'q', type: 'quorum', deadLetterExpiry: 60 } as const;
    const [letters, main] = taskQueue({ ...options, consumerTimeout: 7200 }).queues;
    expect(letters?.arguments).not.to.have.property('x-consumer-timeout');
    expect(main?.arguments).to.include({ 'x-consumer-timeout': 7_200_000 });
    expect(taskQueue(options).queues[1]?.arguments).not.to.have.property('x-consumer-timeout');

    const wanted = { 'x-consumer-timeout': 1, 'x-queue-type': 'quorum' };
    for (const version of ['3.12.0', '3.13.7', '4.0.1', '10.0'])
      expect(understoodArguments(wanted, version), version).to.deep.equal({ understood: wanted });
    for (const version of ['3.10.8', '3.9.29', undefined, 'unknown']) {
      expect(understoodArguments(wanted, version), version).to.deep.equal({
        understood: { 'x-queue-type': 'quorum' },
        dropped: 'x-consumer-timeout',
      });
    }
  });

  it('is told from other ends of a channel by its words', () => {
    const text =
      'Channel closed by server: 406 (PRECONDITION-FAILED) with message "PRECONDITION_FAILED - delivery acknowledgement on channel 2 timed out. Timeout value used: 500 ms."';
    expect(isOutOfPatience({ code: 406, text })).to.equal(true);
    expect(isOutOfPatience({ code: undefined, text: 'the broker cancelled the subscription' })).to.equal(
      true,
    );
    expect(isOutOfPatience({ code: 406, text: 'PRECONDITION_FAILED - unknown delivery tag 5' })).to.equal(
      false,
    );
    expect(isOutOfPatience({ code: undefined, text: 'closed' })).to.equal(false);
  });
});
