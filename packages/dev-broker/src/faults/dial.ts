/**
 * The fault dial of a broker: what is to go wrong, where and when. Public: `broker.faults`. Everything is off until it
 * is dialled, and nothing here is left to chance, but for `random`, which a seed decides.
 */
import { AmqpError, replyTextOf } from '../engine/amqp-error.js';
import type { Clock } from '../engine/clock.js';
import type { Vhost } from '../engine/vhost.js';
import { type Fault, type FaultOptions, matches, PendingFault } from './fault.js';
import { randomFault, type RandomFaultOptions } from './random.js';
import { inverted, together } from './strikes.js';
import { describeStep, type FrameStep, type Step } from './step.js';
import type { ConfirmFate, ConnectionFaults, FaultTarget, Interceptor, Strike } from './target.js';

export interface FaultyBroker {
  readonly connections: () => readonly FaultTarget[];
  readonly vhosts: ReadonlyMap<string, Vhost>;
  /** The clock of delayed confirms. */
  readonly clock: Clock;
}

export interface CloseOptions extends FaultOptions {
  /** Default 320 for a connection, 541 for a channel. */
  readonly replyCode?: number;
  /** The code's name is put before it. Default `injected fault`. */
  readonly replyText?: string;
}

export interface ConfirmFaultOptions {
  readonly connection?: string | RegExp;
  /** The n-th confirm from now on. Default 1: the next. */
  readonly nth?: number;
  /** How many, one after the other. Default 1. */
  readonly times?: number;
}

export interface CorruptOptions extends FaultOptions {
  /** Which byte of the frame is inverted; negative counts from its end. Default -1, the end octet. */
  readonly byte?: number;
}

export interface CancelOptions {
  readonly queue?: string;
  readonly consumerTag?: string;
}

/** Does it to a connection; where a moment was given, at its frame. */
type Act = (target: FaultTarget, step: Step | undefined) => void;

export class FaultDial implements ConnectionFaults {
  #broker: FaultyBroker;
  #interceptors = new Set<Interceptor>();
  #confirmFaults = new Map<PendingFault, ConfirmFate>();
  #watchers = new Set<(step: Step) => void>();
  #history: string[] = [];
  #steps = 0;
  #refusing: PendingFault | undefined;
  #blocked: string | undefined;
  #pieceBytes = 0;

  constructor(broker: FaultyBroker) {
    this.#broker = broker;
  }

  /** Frames that have passed while somebody watched: a fault with a moment, or `onStep`. */
  get steps(): number {
    return this.#steps;
  }

  /** What has gone wrong so far, in order. */
  get history(): readonly string[] {
    return this.#history;
  }

  /** Shows every frame that passes. Returns a function that stops it. */
  onStep(callback: (step: Step) => void): () => void {
    this.#watchers.add(callback);
    return () => void this.#watchers.delete(callback);
  }

  /** Ends connections without a word, as when a node or a firewall goes away. */
  drop(options: FaultOptions = {}): Fault {
    return this.#dial('drop', options, (target) => target.drop());
  }

  /** Makes connections silent: they stay open, and nothing passes any more. Heartbeats are for this. */
  stall(options: FaultOptions = {}): Fault {
    return this.#dial('stall', options, (target) => target.stall());
  }

  /** Ends the silence: what has waited arrives. */
  resume(options: Pick<FaultOptions, 'connection'> = {}): void {
    for (const target of this.#targets(options)) target.resume();
  }

  /** Closes connections as the broker does when it shuts down. */
  closeConnection(options: CloseOptions = {}): Fault {
    const { replyCode = 320, replyText = 'injected fault' } = options;
    return this.#dial('close connection', options, (target) =>
      target.close(replyCode, new AmqpError(replyCode, replyText).message),
    );
  }

  /** Closes the channel of the frame, or without a moment every channel, with a code and a text. */
  closeChannel(options: CloseOptions = {}): Fault {
    const { replyCode = 541, replyText = 'injected fault' } = options;
    return this.#dial('close channel', options, (target, step) => {
      const channels = step === undefined ? target.channelNumbers : [step.channel];
      for (const channel of channels) if (channel > 0) target.closeChannel(channel, replyCode, replyText);
    });
  }

  /** Inverts a byte of a frame that is sent. Without a moment: of the next. */
  corrupt({ byte = -1, ...options }: CorruptOptions = {}): Fault {
    const at = { ...options.at, direction: 'sent' as const };
    return this.#await('corrupt', { ...options, at }, () => ({ change: (frame) => inverted(frame, byte) }));
  }

  /** As if `consumer_timeout` were over for every delivery in hand. */
  timeOutConsumers(options: FaultOptions = {}): Fault {
    return this.#dial('consumer timeout', options, (target) => target.timeOutConsumers());
  }

  /** A message is stored, and its confirm never comes. */
  withholdConfirm(options: ConfirmFaultOptions = {}): Fault {
    return this.#dialConfirm(options, 'withhold');
  }

  /** A message is stored, and its confirm takes a while (milliseconds of the broker's clock). */
  delayConfirm(delayMs: number, options: ConfirmFaultOptions = {}): Fault {
    return this.#dialConfirm(options, { delayMs, clock: this.#broker.clock });
  }

  /** A message is stored, and the broker says that it could not take it: a nack promises nothing. */
  nackConfirm(options: ConfirmFaultOptions = {}): Fault {
    return this.#dialConfirm(options, 'nack');
  }

  /** Cancels consumers from the broker's side, as when a queue's leader moves. Gives how many. */
  cancelConsumers({ queue, consumerTag }: CancelOptions = {}): number {
    const queues = [...this.#broker.vhosts.values()].flatMap((vhost) => [...vhost.queues]);
    const consumers = queues
      .filter(({ name }) => queue === undefined || name === queue)
      .flatMap((one) => [...one.consumers])
      .filter(({ tag }) => consumerTag === undefined || tag === consumerTag);
    for (const consumer of consumers) {
      consumer.cancelled();
      this.note(`cancel consumer '${consumer.tag}'`);
    }
    return consumers.length;
  }

  /** Publishers are stopped with their next message, as under a memory or disk alarm. */
  block(reason = 'low on memory'): void {
    this.#blocked = replyTextOf(reason);
    this.note(`block: ${reason}`);
  }

  unblock(): void {
    if (this.#blocked === undefined) return;
    this.#blocked = undefined;
    this.note('unblock');
    for (const target of this.#broker.connections()) target.throttle();
  }

  /** Ends new connections before a word is said. Default: all that come, until `end()`. */
  refuse({ times = Infinity }: { readonly times?: number } = {}): Fault {
    const fault = new PendingFault({ times }, () => {
      if (this.#refusing === fault) this.#refusing = undefined;
    });
    this.#refusing = fault;
    return fault;
  }

  /** Writes so many bytes at once and no more: frames arrive in pieces. 0 ends it. */
  split(bytes: number): void {
    this.#pieceBytes = bytes;
  }

  /** Faults by chance: the same seed strikes at the same steps with the same faults. */
  random(options: RandomFaultOptions): Fault {
    return randomFault(this, options);
  }

  /** Nothing goes wrong from now on. What has been done stays, but blocked and stalled clients may go on. */
  clear(): void {
    this.#interceptors.clear();
    this.#confirmFaults.clear();
    this.#refusing = undefined;
    this.#pieceBytes = 0;
    this.unblock();
    this.resume();
  }

  /** @internal */
  get watching(): boolean {
    return this.#interceptors.size > 0 || this.#watchers.size > 0;
  }

  /** @internal */
  get pieceBytes(): number {
    return this.#pieceBytes;
  }

  /** @internal */
  get blocked(): string | undefined {
    return this.#blocked;
  }

  /** @internal */
  get refuses(): boolean {
    if (this.#refusing?.isDue('') !== true) return false;
    this.note('refuse a connection');
    return true;
  }

  /** @internal */
  passes(passing: FrameStep, target: FaultTarget): Strike | undefined {
    const step: Step = { ...passing, number: ++this.#steps, connection: target.name };
    for (const watch of [...this.#watchers]) watch(step);
    const strikes = [...this.#interceptors].map((intercept) => intercept(step, target));
    return together(strikes.filter((strike) => strike !== undefined));
  }

  /** @internal */
  confirming(connection: string): ConfirmFate {
    // Every one of them counts this confirm, the one that is first due decides.
    const [due] = [...this.#confirmFaults].filter(([fault]) => fault.isDue(connection));
    if (due === undefined) return 'tell';
    const [, fate] = due;
    this.note(`confirm, '${connection}': ${typeof fate === 'string' ? fate : `delay by ${fate.delayMs} ms`}`);
    return fate;
  }

  /** @internal Faults of another making: asked at every step, until the returned function is called. */
  intercept(interceptor: Interceptor): () => void {
    this.#interceptors.add(interceptor);
    return () => void this.#interceptors.delete(interceptor);
  }

  /** @internal */
  note(what: string): void {
    this.#history.push(what);
  }

  #targets(options: Pick<FaultOptions, 'connection'>): readonly FaultTarget[] {
    return this.#broker.connections().filter(({ name }) => matches(name, options));
  }

  /** At once, or at its moment. */
  #dial(what: string, options: FaultOptions, act: Act): Fault {
    if (options.at !== undefined) {
      return this.#await(what, options, (step, target) => ({ act: () => act(target, step) }));
    }
    const fault = new PendingFault(options, () => undefined);
    for (const target of this.#targets(options)) {
      this.note(`${what} '${target.name}'`);
      fault.strike();
      act(target, undefined);
    }
    return fault;
  }

  #await(what: string, options: FaultOptions, strike: (step: Step, target: FaultTarget) => Strike): Fault {
    const fault = new PendingFault(options, () => forget());
    const forget = this.intercept((step, target) => {
      if (!fault.isDue(step.connection, step)) return undefined;
      this.note(`${what} at ${describeStep(step)}`);
      return strike(step, target);
    });
    return fault;
  }

  #dialConfirm({ nth = 1, ...options }: ConfirmFaultOptions, fate: ConfirmFate): Fault {
    const fault = new PendingFault(
      { ...options, at: { nth } },
      (ended) => void this.#confirmFaults.delete(ended),
    );
    this.#confirmFaults.set(fault, fate);
    return fault;
  }
}
