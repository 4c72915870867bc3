/** What goes over the wire for acks and requeues, checked against RabbitMQ's rule for tags. No broker. */
import type { Channel, Message } from 'amqplib';
import { expect } from 'chai';
import fc from 'fast-check';

import { Acknowledgements } from '../../../dist/amqp/acknowledgements.js';

/** Settles as RabbitMQ does: a tag that is not outstanding closes the channel (406, unknown delivery tag). */
class BrokerChannel {
  readonly wire: string[] = [];
  readonly outstanding = new Set<number>();
  readonly acked: number[] = [];
  readonly returned: number[] = [];

  deliver(count: number): void {
    for (let tag = 1; tag <= count; tag++) this.outstanding.add(tag);
  }

  ack({ fields: { deliveryTag: tag } }: Message, multiple: boolean): void {
    this.wire.push(`ack ${tag}${multiple ? ' multiple' : ''}`);
    const tags = multiple ? [...this.outstanding].filter((one) => one <= tag) : [tag];
    this.#settle(tag, tags);
    this.acked.push(...tags);
  }

  nack(message: Message, multiple: boolean, requeue: boolean): void {
    this.#giveBack('nack', message, !multiple && requeue);
  }

  reject(message: Message, requeue: boolean): void {
    this.#giveBack('reject', message, requeue);
  }

  #giveBack(how: string, { fields: { deliveryTag: tag } }: Message, requeue: boolean): void {
    if (!requeue) throw new Error('a message was dropped');
    this.wire.push(`${how} ${tag}`);
    this.#settle(tag, [tag]);
    this.returned.push(tag);
  }

  #settle(tag: number, tags: number[]): void {
    if (!this.outstanding.has(tag)) throw new Error(`406 unknown delivery tag ${tag}`);
    for (const one of tags) this.outstanding.delete(one);
  }
}

function start(count: number): { channel: BrokerChannel; acks: Acknowledgements } {
  const channel = new BrokerChannel();
  channel.deliver(count);
  return { channel, acks: new Acknowledgements(channel as unknown as Channel) };
}

describe('Acknowledgements', () => {
  it('writes a contiguous run as one multiple ack', () => {
    const { channel, acks } = start(3);
    for (const tag of [2, 1, 3]) acks.ack(tag);
    acks.flush();
    expect(channel.wire).to.deep.equal(['ack 3 multiple']);
  });

  it('writes an ack above a gap singly, and does not ack the gap', () => {
    const { channel, acks } = start(3);
    acks.ack(1);
    acks.ack(3);
    acks.flush();
    expect(channel.wire).to.deep.equal(['ack 1 multiple', 'ack 3']);
    expect([...channel.outstanding]).to.deep.equal([2]);
  });

  it('ends a multiple ack on a tag that is still outstanding', () => {
    const { channel, acks } = start(3);
    acks.requeue(3, false);
    acks.ack(1);
    acks.ack(2);
    acks.flush();
    expect(channel.wire).to.deep.equal(['nack 3', 'ack 2 multiple']);
  });

  it('counts a requeue as a failure with reject, and not with nack', () => {
    const { channel, acks } = start(2);
    acks.requeue(1, true);
    acks.requeue(2, false);
    expect(channel.wire).to.deep.equal(['reject 1', 'nack 2']);
  });

  it('writes the acks of a turn by itself when the turn ends', async () => {
    const { channel, acks } = start(2);
    acks.ack(1);
    acks.ack(2);
    expect(channel.wire).to.deep.equal([]);
    await new Promise((resolve) => void setImmediate(resolve));
    expect(channel.wire).to.deep.equal(['ack 2 multiple']);
  });

  it('writes nothing once its channel is gone', () => {
    const { channel, acks } = start(3);
    acks.ack(1);
    acks.close();
    acks.flush();
    acks.ack(2);
    acks.requeue(3, true);
    acks.flush();
    expect(channel.wire).to.deep.equal([]);
  });

  it('settles every tag exactly as asked, in any order and grouping', () => {
    const step = fc.record({ how: fc.constantFrom('ack', 'nack', 'reject'), flush: fc.boolean() });
    const steps = fc.array(step, { minLength: 1, maxLength: 30 });
    const orders = steps.chain((all) =>
      fc.tuple(
        fc.constant(all),
        fc.shuffledSubarray(
          all.map((_, index) => index + 1),
          { minLength: all.length },
        ),
      ),
    );
    fc.assert(
      fc.property(orders, ([all, order]) => {
        const { channel, acks } = start(all.length);
        const wanted: number[] = [];
        all.forEach(({ how, flush }, index) => {
          const tag = order[index] as number;
          if (how === 'ack') {
            wanted.push(tag);
            acks.ack(tag);
          } else acks.requeue(tag, how === 'reject');
          if (flush) acks.flush();
        });
        acks.flush();
        expect(channel.acked.sort((a, b) => a - b)).to.deep.equal(wanted.sort((a, b) => a - b));
        expect(channel.outstanding.size).to.equal(0);
      }),
    );
  });
});
