/**
 * Load for a broker that will be killed, and what may be found afterwards. The promise: a confirmed persistent message
 * is there, once and in its order, until it was acked; an ack counts for certain once something after it on the same
 * channel was answered; a message that a client has seen comes again as redelivered.
 */
import amqp, { type ChannelModel, type ConfirmChannel } from 'amqplib';
import { expect } from 'chai';

export interface Found {
  readonly id: number;
  readonly redelivered: boolean;
}

export type Contents = Readonly<Record<string, readonly Found[]>>;

const exchange = 'x';
/** A classic queue, which keeps its order, and a quorum queue, where what comes back goes first. */
const queues = { q: {}, r: { 'x-queue-type': 'quorum' } } as const;
const patterns = { q: '#', r: 'both' } as const;
/** Every tenth message goes to both queues, so that most of the journal is past soon. */
const isForBoth = (id: number): boolean => id % 10 === 0;
const window = 50;

export class KillLedger {
  sent = 0;
  readonly confirmed = new Set<number>();
  /** Of the queue `q`, by a consumer. */
  readonly seen = new Set<number>();
  readonly acked = new Set<number>();
  /** Acked, and something later was answered. */
  readonly gone = new Set<number>();

  check(contents: Contents, when: string): void {
    for (const [queue, found] of Object.entries(contents)) {
      const ids = found.map(({ id }) => id);
      const there = new Set(ids);
      expect(there.size, `${queue}: each once, ${when}`).to.equal(ids.length);
      const missing = [...this.confirmed].filter(
        (id) => !there.has(id) && (queue === 'q' ? !this.acked.has(id) : isForBoth(id)),
      );
      expect(missing, `${queue}: confirmed and lost, ${when}`).to.deep.equal([]);
      expect(ids.filter((id) => id >= this.sent)).to.deep.equal([]);
    }
    const { q = [] } = contents;
    const ids = q.map(({ id }) => id);
    expect(ids, `in order, ${when}`).to.deep.equal([...ids].sort((a, b) => a - b));
    expect(
      ids.filter((id) => this.gone.has(id)),
      `acked for certain, ${when}`,
    ).to.deep.equal([]);
    const fresh = q.filter(({ id, redelivered }) => this.seen.has(id) && !redelivered);
    expect(fresh, `seen, and not redelivered, ${when}`).to.deep.equal([]);
  }
}

export interface Load {
  readonly ledger: KillLedger;
  readonly random: () => number;
  /** So many confirmed messages in all. */
  readonly until: number;
  readonly kill: () => void;
}

/** Publishes and consumes until enough was confirmed, and then kills the broker in full flow. */
export async function load(url: string, { ledger, random, until, kill }: Load): Promise<void> {
  const connection = await amqp.connect(url);
  connection.on('error', () => undefined); // it will be killed
  const closed = new Promise((resolve) => connection.once('close', resolve));
  const channel = await connection.createConfirmChannel();
  await channel.assertExchange(exchange, 'topic');
  for (const [queue, args] of Object.entries(queues)) {
    await channel.assertQueue(queue, { arguments: args });
    await channel.bindQueue(queue, exchange, patterns[queue as 'q' | 'r']);
  }
  await consume(connection, ledger, random);
  let isKilled = false;
  const next = (): void => {
    if (isKilled) return;
    const id = ledger.sent++;
    publish(channel, id, random).then(
      () => {
        ledger.confirmed.add(id);
        if (ledger.confirmed.size < until) return next();
        isKilled = true;
        kill();
      },
      () => undefined,
    ); // not confirmed: it may be there, or not
  };
  for (let lane = 0; lane < window; lane++) next();
  await closed;
  isKilled = true;
}

function publish(channel: ConfirmChannel, id: number, random: () => number): Promise<void> {
  const body = Buffer.alloc(Math.floor(random() ** 3 * 60_000), id % 256);
  const options = { persistent: true, messageId: String(id) };
  return new Promise((resolve, reject) => {
    channel.publish(exchange, isForBoth(id) ? 'both' : 'one', body, options, (error: unknown) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

/** Acks most of what comes, gives some back, and holds on to the rest. */
async function consume(connection: ChannelModel, ledger: KillLedger, random: () => number): Promise<void> {
  const channel = await connection.createChannel();
  await channel.prefetch(300);
  const acked: number[] = []; // on this channel: an earlier ack may have been lost with the broker
  await channel.consume('q', (message) => {
    if (message === null) return;
    const id = Number(message.properties.messageId);
    ledger.seen.add(id);
    const chance = random();
    if (chance < 0.01) return;
    if (chance < 0.05) {
      channel.nack(message);
      return;
    }
    channel.ack(message);
    ledger.acked.add(id);
    acked.push(id);
    if (chance > 0.9) settleFor({ ledger, acked: [...acked], answered: channel.checkQueue('q') });
  });
}

interface Settling {
  readonly ledger: KillLedger;
  readonly acked: readonly number[];
  readonly answered: Promise<unknown>;
}

/** When this is answered, what was acked before is. */
function settleFor({ ledger, acked, answered }: Settling): void {
  answered.then(
    () => {
      for (const id of acked) ledger.gone.add(id);
    },
    () => undefined, // the broker is gone: nobody knows
  );
}

/** Looks at everything, and leaves it there. */
export async function whatIsThere(connection: ChannelModel): Promise<Contents> {
  const channel = await connection.createChannel();
  const contents: Record<string, Found[]> = {};
  for (const queue of Object.keys(queues)) {
    const found: Found[] = (contents[queue] = []);
    const { messageCount } = await channel.assertQueue(queue, { arguments: queues[queue as 'q' | 'r'] });
    await new Promise<void>((resolve) => {
      if (messageCount === 0) resolve();
      void channel.consume(queue, (message) => {
        if (message === null) return;
        found.push({ id: Number(message.properties.messageId), redelivered: message.fields.redelivered });
        if (found.length === messageCount) resolve();
      });
    });
    expect((await channel.checkQueue(queue)).messageCount, `more than ${queue} says`).to.equal(0);
  }
  return contents;
}
