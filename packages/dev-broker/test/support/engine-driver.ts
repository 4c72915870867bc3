/** Does things to a virtual host at random, as clients would, and remembers what they hold. */
import { isDeepStrictEqual } from 'node:util';

import fc from 'fast-check';

import type { ManualClock } from '../../../core/dist-test/support/manual-clock.js';
import { AmqpError } from '../../dist/engine/amqp-error.js';
import type { Clock } from '../../dist/engine/clock.js';
import type { ExchangeType } from '../../dist/engine/exchange.js';
import type { Entry } from '../../dist/engine/message.js';
import type { Profile } from '../../dist/engine/profile.js';
import type { Queue, Return } from '../../dist/engine/queue.js';
import { Vhost } from '../../dist/engine/vhost.js';
import type { DataJournal } from '../../dist/journal/data-journal.js';
import { keep } from '../../dist/journal/vhost-journal.js';
import { message, type Sent } from './messages.js';

type Table = Readonly<Record<string, unknown>>;

export type Operation =
  | { readonly do: 'exchange'; readonly name: string; readonly type: ExchangeType; readonly flags: number }
  | { readonly do: 'queue'; readonly name: string; readonly flags: number; readonly arguments: Table }
  | { readonly do: 'delete'; readonly what: 'exchange' | 'queue'; readonly name: string }
  | { readonly do: 'bind' | 'unbind'; readonly source: string; readonly to: string; readonly key: string }
  | ({ readonly do: 'publish' } & Sent)
  | { readonly do: 'get' | 'purge'; readonly queue: string }
  | { readonly do: 'settle'; readonly which: number; readonly how: 'ack' | Return }
  | { readonly do: 'wait'; readonly ms: number };

const queueNames = ['q0', 'q1', 'q2', 'q3'];
const exchangeNames = ['x0', 'x1'];
const keys = ['a', 'b', 'q0', 'q1'];

/** Limits and expiry look at transient messages too, which are not restored: it is one or the other. */
export function operations(hasTransient: boolean): fc.Arbitrary<Operation[]> {
  const queue = fc.constantFrom(...queueNames);
  const limits: Table[] = [{ 'x-message-ttl': 50 }, { 'x-max-length': 3 }, { 'x-expires': 400 }];
  const args = fc.constantFrom<Table>(
    {},
    {},
    { 'x-max-priority': 3 },
    { 'x-queue-type': 'quorum' },
    { 'x-queue-type': 'quorum', 'x-delivery-limit': 2, 'x-dead-letter-exchange': 'x0' },
    { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'q0' },
    { 'x-dead-letter-exchange': 'x1' },
    ...(hasTransient ? [] : limits),
  );
  const sent = fc.record({
    exchange: fc.constantFrom('', 'amq.topic', ...exchangeNames),
    routingKey: fc.constantFrom(...queueNames, ...keys),
    persistent: hasTransient ? fc.boolean() : fc.constant(true),
    priority: fc.option(fc.nat(5), { nil: undefined }),
    expiration: hasTransient ? fc.constant(undefined) : fc.constantFrom(undefined, undefined, '20', '200'),
    headers: fc.constantFrom<Table>({}, { n: 1 }),
  });
  const how = fc.oneof(
    fc.constant('ack' as const),
    fc.record({
      requeue: fc.boolean(),
      by: fc.constantFrom('nack' as const, 'reject' as const, 'loss' as const),
    }),
  );
  const does = <D extends Operation['do']>(...which: D[]): fc.Arbitrary<D> => fc.constantFrom(...which);
  const binding = fc.record({
    do: does('bind', 'bind', 'unbind'),
    source: fc.constantFrom('amq.topic', ...exchangeNames),
    to: fc.constantFrom(...queueNames, ...exchangeNames),
    key: fc.constantFrom(...keys),
  });
  const type = fc.constantFrom<ExchangeType>('direct', 'fanout', 'topic', 'headers');
  const name = fc.constantFrom(...exchangeNames);
  const operation: fc.Arbitrary<Operation> = fc.oneof(
    { weight: 2, arbitrary: fc.record({ do: does('exchange'), name, type, flags: fc.nat(7) }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: does('queue'), name: queue, flags: fc.nat(7), arguments: args }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: does('delete'),
        what: fc.constantFrom('exchange' as const, 'queue' as const),
        name: fc.constantFrom(...queueNames, ...exchangeNames),
      }),
    },
    { weight: 4, arbitrary: binding },
    { weight: 12, arbitrary: sent.map((one): Operation => ({ do: 'publish', ...one })) },
    { weight: 8, arbitrary: fc.record({ do: does('get', 'get', 'get', 'get', 'purge'), queue }) },
    { weight: 6, arbitrary: fc.record({ do: does('settle'), which: fc.nat(), how }) },
    { weight: 1, arbitrary: fc.record({ do: does('wait'), ms: fc.nat(300) }) },
  );
  return fc.array(operation, { minLength: 10, maxLength: 120, size: 'max' });
}

/** The virtual host `/`, with what its journal knows. */
export function restoredVhost(
  journal: DataJournal,
  options: { readonly clock: Clock; readonly profile: Profile },
): Vhost {
  const vhost = new Vhost('/', options);
  keep(vhost, journal);
  return vhost;
}

export class EngineDriver {
  readonly vhost: Vhost;
  readonly clock: ManualClock;
  /** In clients' hands, oldest delivery first. */
  #held: { readonly queue: Queue; readonly entry: Entry }[] = [];
  #published = 0;

  constructor(vhost: Vhost, clock: ManualClock) {
    this.vhost = vhost;
    this.clock = clock;
  }

  /** What the engine refuses is not done. */
  async run(operation: Operation): Promise<void> {
    if (operation.do === 'wait') return this.clock.advance(operation.ms);
    try {
      this.#run(operation);
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
    }
  }

  /** Everything held goes back, as when all clients are gone at once; what ends with the process stays as it is. */
  loseConnections(): void {
    const held = this.#held.splice(0);
    for (const queue of [...this.vhost.queues].filter(({ options }) => options.durable)) {
      const entries = held.filter((one) => one.queue === queue).map(({ entry }) => entry);
      queue.returned(entries, { requeue: true, by: 'loss' });
    }
  }

  #run(operation: Exclude<Operation, { do: 'wait' }>): void {
    const { vhost } = this;
    switch (operation.do) {
      case 'exchange':
        this.#declareExchange(operation);
        return;
      case 'queue':
        this.#declareQueue(operation);
        return;
      case 'delete':
        if (operation.what === 'exchange') vhost.deleteExchange(operation.name, false);
        else vhost.deleteQueue(operation.name, { ifUnused: false, ifEmpty: false, connection: this });
        return;
      case 'bind':
      case 'unbind': {
        const { source, to, key } = operation;
        const kind = to.startsWith('q') ? 'queue' : 'exchange';
        vhost[operation.do](source, { kind, name: to }, { routingKey: key, arguments: {} });
        return;
      }
      case 'publish': {
        const one = message({ ...operation, body: `message ${this.#published++}` });
        vhost.deliver(one, vhost.targets(one));
        return;
      }
      case 'get':
        this.#get(operation.queue);
        return;
      case 'purge':
        vhost.find(operation.queue)?.purge();
        return;
      case 'settle':
        this.#settle(operation.which, operation.how);
    }
  }

  #declareExchange({ name, type, flags: number }: Operation & { do: 'exchange' }): void {
    const { autoDelete } = flags(number);
    // A transient one would still take dead letters when connections are lost, and is not there after a kill.
    const options = { durable: true, autoDelete, internal: number === 2, arguments: {} };
    this.vhost.declareExchange({ name, type, ...options });
  }

  #declareQueue({ name, flags: number, arguments: args }: Operation & { do: 'queue' }): void {
    const { durable, autoDelete } = flags(number);
    const isQuorum = isDeepStrictEqual(args['x-queue-type'], 'quorum');
    this.vhost.declareQueue({
      name,
      durable: durable || isQuorum,
      exclusive: false,
      autoDelete: autoDelete && !isQuorum,
      arguments: args,
      connection: this,
      isServerNamed: false,
    });
  }

  #get(name: string): void {
    const queue = this.vhost.find(name);
    const entry = queue?.get();
    if (queue !== undefined && entry !== undefined) this.#held.push({ queue, entry });
  }

  #settle(which: number, how: 'ack' | Return): void {
    if (this.#held.length === 0) return;
    const [one] = this.#held.splice(which % this.#held.length, 1);
    if (how === 'ack') one?.queue.acked(one.entry);
    else if (one !== undefined) one.queue.returned([one.entry], how);
  }
}

/** Mostly durable. */
function flags(number: number): { durable: boolean; autoDelete: boolean } {
  return { durable: number !== 0, autoDelete: number % 4 === 1 };
}
