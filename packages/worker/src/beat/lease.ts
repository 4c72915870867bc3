/**
 * The turn of one process, over one channel: waits for the queue's messages, reads all that earlier processes left,
 * and holds the newest state for as long as the channel lives. The delivery in hand is the lease: the broker gives it
 * to the next process when this one's connection is gone, and what this one publishes goes over the same connection.
 * Decides nothing about schedules.
 */
import { randomUUID } from 'node:crypto';

import {
  CeleriacError,
  type Clock,
  type Delivery,
  type Logger,
  type MessageSink,
  withDeadline,
} from '@celeriac/core';

import { type Command, markMessage, readMessage, stateMessage } from './messages.js';
import { type BeatState, isNewer } from './state.js';

export interface LeaseOptions {
  readonly queue: string;
  /** Publishes over the connection that the deliveries come on, and stops for good with it. */
  readonly sink: MessageSink & { close(): Promise<void> };
  readonly logger: Logger;
  readonly clock: Clock;
  /** It is this process's turn: every message of earlier ones has been read. Called once at most. */
  readonly onTurn: (lease: Lease) => void;
  /** The channel must be given up, since this lease is over while it lives. Called once at most. */
  readonly onFailure: (error: unknown) => void;
}

export interface PendingCommand {
  readonly command: Command;
  readonly delivery: Delivery;
}

interface Held {
  readonly state: BeatState;
  readonly delivery: Delivery;
}

interface Echo {
  readonly state: BeatState;
  readonly heard: (delivery: Delivery) => void;
  readonly over: (error: Error) => void;
}

/** Commands that wait; more are dropped, since what waits is in memory. */
const mostCommands = 500;
/** How long the queue may take to hand out what was put into it. */
const echoMs = 30_000;

export class Lease {
  #options: LeaseOptions;
  #phase: 'waiting' | 'reading' | 'active' = 'waiting';
  #mark = randomUUID();
  #held: Held | undefined;
  #echo: Echo | undefined;
  #commands: PendingCommand[] = [];
  #ended = new AbortController();
  #wake: () => void = () => undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Fires when it is over. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  get sink(): MessageSink {
    return this.#options.sink;
  }

  /** What the last active process left, or this one has written; undefined: nobody ever did. */
  get state(): BeatState | undefined {
    return this.#held?.state;
  }

  /** Puts something into the queue: where it is empty, nobody would ever be told that it is his turn. */
  knock(): void {
    this.#publishMark(randomUUID());
  }

  receive(delivery: Delivery): void {
    const read = readMessage(delivery);
    if (this.#phase === 'waiting') {
      // What comes before this mark was put there before our turn began: then all of it has been read.
      this.#phase = 'reading';
      this.#publishMark(this.#mark);
    }
    switch (read.kind) {
      case 'state':
        this.#receiveState({ state: read.state, delivery });
        return;
      case 'mark':
        delivery.ack();
        if (read.mark === this.#mark) this.#begin();
        return;
      case 'command':
        this.#receiveCommand({ command: read.command, delivery });
        return;
      case 'unknown':
        this.#options.logger.warn('a message that is not of beat is dropped', { queue: delivery.queue });
        delivery.ack();
    }
  }

  /** The oldest command, which the caller acknowledges when it is done. */
  nextCommand(): PendingCommand | undefined {
    return this.#commands.shift();
  }

  /** Waits so long, or until there is a command, or it is over. */
  async idle(ms: number): Promise<void> {
    if (this.#commands.length > 0 || this.ended.aborted) return;
    const over = new AbortController();
    this.#wake = () => over.abort();
    await this.#options.clock.sleep(ms, over.signal);
    this.#wake = () => undefined;
  }

  /** Ends the waiting of `idle`. */
  wake(): void {
    this.#wake();
  }

  /**
   * Replaces the state: the new one is confirmed, and back in hand, before the old one is given up. Rejects when the
   * lease is over, and ends it when that cannot be done.
   */
  async write(state: BeatState): Promise<void> {
    const { queue, sink, clock } = this.#options;
    if (this.ended.aborted) throw over(queue);
    const heard = new Promise<Delivery>((resolve, reject) => {
      this.#echo = { state, heard: resolve, over: reject };
    });
    heard.catch(() => undefined); // publishing may reject first
    try {
      await sink.publish(stateMessage(queue, state));
      const delivery = await withDeadline(heard, { clock, ms: echoMs, late: () => notAlone(queue) });
      this.#held?.delivery.ack();
      this.#held = { state, delivery };
    } finally {
      this.#echo = undefined;
    }
  }

  /** It is over: its channel is gone, or will be. What was not confirmed stays unsent. */
  end(): void {
    if (this.ended.aborted) return;
    this.#ended.abort();
    this.#commands = [];
    this.#echo?.over(over(this.#options.queue));
    this.#wake();
    void this.#options.sink.close();
  }

  /** It is over for a reason of its own, while its channel lives. */
  fail(error: unknown): void {
    if (this.ended.aborted) return;
    this.end();
    this.#options.onFailure(error);
  }

  #begin(): void {
    if (this.#phase === 'active') return;
    this.#phase = 'active';
    this.#options.onTurn(this);
  }

  #receiveState(arrived: Held): void {
    const { state, delivery } = arrived;
    const echo = this.#echo;
    if (echo !== undefined && isSame(echo.state, state)) {
      echo.heard(delivery);
      return;
    }
    const held = this.#held;
    if (held !== undefined && !isNewer(state, held.state)) {
      delivery.ack(); // written late, by a process whose turn was over
      return;
    }
    if (this.#phase === 'active') {
      this.fail(notAlone(this.#options.queue));
      return;
    }
    this.#held = arrived;
    held?.delivery.ack();
  }

  #receiveCommand(pending: PendingCommand): void {
    if (this.#commands.length >= mostCommands) {
      const { action, name } = pending.command;
      this.#options.logger.error('too many commands wait: this one is dropped', { action, schedule: name });
      pending.delivery.ack();
      return;
    }
    this.#commands.push(pending);
    this.#wake();
  }

  #publishMark(mark: string): void {
    const { queue, sink } = this.#options;
    sink.publish(markMessage(queue, mark)).catch((error: unknown) => this.fail(error));
  }
}

function isSame(one: BeatState, other: BeatState): boolean {
  return one.epoch === other.epoch && one.revision === other.revision && one.writer === other.writer;
}

function over(queue: string): CeleriacError {
  return new CeleriacError('ERR_CONNECTION_LOST', {
    message: `This beat is not the active one of '${queue}' any more: its connection was lost.`,
    hint: 'Another process takes over, or this one when it is connected again.',
    values: { queue },
  });
}

function notAlone(queue: string): CeleriacError {
  return new CeleriacError('ERR_TOPOLOGY_MISMATCH', {
    message: `Another consumer takes messages from '${queue}' while this beat is the active one.`,
    hint: 'The queue must be declared with x-single-active-consumer: delete it and let it be declared again.',
    values: { queue },
  });
}
