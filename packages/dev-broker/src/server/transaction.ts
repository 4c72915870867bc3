/**
 * A channel in transaction mode: what is published and settled waits for the commit. Source: rabbit_channel.erl of
 * RabbitMQ 3.10. As there, a commit is not atomic over several queues.
 */
import { AmqpError } from '../engine/amqp-error.js';
import type { Settlement, Unacked } from './deliveries.js';

export interface TransactionSteps {
  readonly settle: (taken: readonly Unacked[], settlement: Settlement) => void;
  /** Back into the client's hands. */
  readonly untake: (taken: readonly Unacked[]) => void;
}

interface Settled {
  readonly taken: readonly Unacked[];
  readonly settlement: Settlement;
}

export class Transaction {
  #steps: TransactionSteps;
  #publishes: (() => boolean)[] = [];
  #settled: Settled[] = [];

  constructor(steps: TransactionSteps) {
    this.#steps = steps;
  }

  /** `publish` is called at the commit; false: a full queue refused. */
  addPublish(publish: () => boolean): void {
    this.#publishes.push(publish);
  }

  addSettlement(taken: readonly Unacked[], settlement: Settlement): void {
    this.#settled.push({ taken, settlement });
  }

  /** First what was published, then what was settled. Throws 406 when a message was refused; the rest is done. */
  commit(): void {
    const { publishes, settled } = this.#end();
    const results = publishes.map((publish) => publish());
    for (const { taken, settlement } of settled) this.#steps.settle(taken, settlement);
    if (results.includes(false)) throw new AmqpError(406, 'partial tx completion');
  }

  rollback(): void {
    this.#steps.untake(this.#end().settled.flatMap(({ taken }) => taken));
  }

  #end(): { publishes: (() => boolean)[]; settled: Settled[] } {
    const [publishes, settled] = [this.#publishes, this.#settled];
    this.#publishes = [];
    this.#settled = [];
    return { publishes, settled };
  }
}
