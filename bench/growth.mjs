/**
 * What the embedded broker's work costs for eight times as many messages, queues or consumers. Prints how many times
 * longer it takes: about 8 is fine, 64 would be the square. Nothing passes or fails by time.
 *
 *   npx tsc -b && node bench/growth.mjs
 */
import { BareChannel } from '../packages/dev-broker/dist-test/support/bare-channel.js';

const few = 2_000;
const times = 8;

/** Milliseconds, the best of three: the others were disturbed. `prepare` makes what the work needs, and gives the work. */
function best(prepare, count) {
  const tries = [1, 2, 3].map(() => {
    const work = prepare(count);
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return Math.min(...tries);
}

function numbers(count) {
  return Array.from({ length: count }, (_, index) => index);
}

/** A queue of so many messages, all of them with one consumer that has settled none. */
function delivered(count) {
  const channel = new BareChannel();
  channel.call('queue.declare', { queue: 'q' });
  channel.call('basic.consume', { queue: 'q', consumerTag: 'c' });
  for (let index = 0; index < count; index++) channel.publish('q');
  channel.call('basic.cancel', { consumerTag: 'c' });
  return channel;
}

function consumed(count) {
  const channel = new BareChannel();
  channel.call('queue.declare', { queue: 'q' });
  channel.call('basic.qos', { prefetchCount: 1 });
  for (const index of numbers(count))
    channel.call('basic.consume', { queue: 'q', consumerTag: `c${index}`, noWait: true });
  return channel;
}

const costs = {
  'messages given back together': (count) => {
    const channel = delivered(count);
    return () => channel.call('basic.nack', { multiple: true, requeue: true });
  },
  'messages given back one by one': (count) => {
    const channel = delivered(count);
    return () => {
      for (let tag = 1; tag <= count; tag++) channel.call('basic.nack', { deliveryTag: tag, requeue: true });
    };
  },
  'messages given back one by one, the last one first': (count) => {
    const channel = delivered(count);
    return () => {
      for (let tag = count; tag > 0; tag--) channel.call('basic.nack', { deliveryTag: tag, requeue: true });
    };
  },
  'messages given back by a connection that ends': (count) => {
    const channel = delivered(count);
    return () => channel.close();
  },
  'messages settled in transactions that are rolled back': (count) => {
    const channel = delivered(count);
    channel.call('tx.select');
    return () => {
      for (let tag = 1; tag <= count; tag++) {
        channel.call('basic.ack', { deliveryTag: tag });
        channel.call('tx.rollback');
      }
    };
  },
  'messages purged': (count) => {
    const channel = new BareChannel();
    channel.call('queue.declare', { queue: 'q' });
    for (let index = 0; index < count * 4; index++) channel.publish('q');
    return () => channel.call('queue.purge', { queue: 'q' });
  },
  'messages for consumers that all are busy': (count) => {
    const channel = consumed(count);
    for (let index = 0; index < count; index++) channel.publish('q');
    return () => {
      for (let index = 0; index < count; index++) channel.publish('q');
    };
  },
  'acknowledgements of as many consumers': (count) => {
    const channel = consumed(count);
    for (let index = 0; index < count * 2; index++) channel.publish('q');
    return () => {
      for (let tag = 1; tag <= count; tag++) channel.call('basic.ack', { deliveryTag: tag });
    };
  },
  'acknowledgements of as many queues under one prefetch': (count) => {
    const channel = new BareChannel();
    channel.call('basic.qos', { prefetchCount: 60_000, global: true });
    for (const index of numbers(count)) {
      channel.call('queue.declare', { queue: `q${index}`, exclusive: true });
      channel.call('basic.consume', { queue: `q${index}`, consumerTag: `c${index}` });
      channel.publish(`q${index}`);
    }
    return () => {
      for (let tag = 1; tag <= count; tag++) channel.call('basic.ack', { deliveryTag: tag });
    };
  },
  'queues that are bound, and go with their connection': (count) => {
    const channel = new BareChannel();
    return () => {
      for (const index of numbers(count)) {
        channel.call('queue.declare', { queue: `q${index}`, exclusive: true });
        channel.call('queue.bind', { queue: `q${index}`, exchange: 'amq.fanout' });
      }
      channel.close();
    };
  },
};

for (const [what, prepare] of Object.entries(costs)) {
  prepare(few)(); // compiled by now
  const small = best(prepare, few);
  const large = best(prepare, few * times);
  console.log(`${(large / small).toFixed(1).padStart(6)}  ${what}`);
}
