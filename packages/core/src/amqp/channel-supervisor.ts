/**
 * Keeps one channel open over every connection of a session: opens it, sets it up, and when it is lost (by the
 * connection, by the broker, by a failed set-up) says so and opens another after a pause. Every channel has an
 * `error` listener from birth: without one amqplib closes the whole connection. Knows nothing of what it is for.
 */
import type { Channel, ChannelModel } from 'amqplib';

import type { Clock } from '../clock.js';
import { waitAtMost } from '../deadline.js';
import { errorText } from '../errors.js';
import { backoffMs } from '../policy/backoff.js';
import { isChannelClosed } from './connection-state.js';
import type { Session } from './session.js';

/** Why a channel ended. `code` is AMQP's reply code, when the broker gave one (404, 406, …). */
export interface ChannelEnd {
  readonly code: number | undefined;
  /** The broker's own words, or what went wrong here. */
  readonly text: string;
  readonly cause: unknown;
}

export interface ChannelSupervisorOptions<C extends Channel> {
  readonly session: Session;
  readonly clock: Clock;
  readonly open: (connection: ChannelModel) => Promise<C>;
  /** Makes a fresh channel usable. A throw closes it; another is tried after a pause. */
  readonly setUp: (channel: C, generation: number) => Promise<void>;
  /** Before a channel that was set up is closed by us: the last chance to write to it. Must not throw. */
  readonly closing?: () => void;
  /** After every loss of a channel that was set up. Must not throw. */
  readonly lost: (end: ChannelEnd) => void;
  /** After every set-up that failed. Returning true gives up. Must not throw. */
  readonly setUpFailed: (error: unknown) => boolean;
}

const firstPauseMs = 100;
const longestPauseMs = 10_000;
const closeDeadlineMs = 2_000;

export class ChannelSupervisor<C extends Channel> {
  #options: ChannelSupervisorOptions<C>;
  #stopping = new AbortController();
  #stopped: Promise<undefined>;
  #channel: C | undefined;
  #ran: Promise<void> | undefined;
  #closeRequested = false;
  #recycleDue = false;

  constructor(options: ChannelSupervisorOptions<C>) {
    this.#options = options;
    this.#stopped = new Promise((resolve) => {
      this.#stopping.signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
  }

  /** The channel that is set up and open, if there is one. */
  get channel(): C | undefined {
    return this.#channel;
  }

  start(): void {
    this.#ran ??= this.#run();
  }

  /** Closes the channel and opens no other. Resolves when it is closed, or cannot be told so for two seconds. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.recycle();
    await waitAtMost(this.#options.clock, closeDeadlineMs, this.#ran ?? Promise.resolve());
  }

  /** Closes the channel so that a new one takes its place; one that is being set up, as soon as it is. */
  recycle(): void {
    const channel = this.#channel;
    this.#channel = undefined;
    this.#recycleDue = channel === undefined;
    if (channel === undefined || this.#closeRequested) return;
    this.#closeRequested = true;
    this.#options.closing?.();
    channel.close().catch(() => undefined); // already closing: its `close` event tells the rest
  }

  async #run(): Promise<void> {
    const { session, clock } = this.#options;
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      const connection = await this.#connection();
      if (connection === undefined) return;
      const generation = session.generation;
      const openedAt = clock.monotonic();
      const outcome = await this.#runChannel(connection, generation);
      if (outcome === 'give-up') return;
      const fine = outcome === 'lost' && clock.monotonic() - openedAt > longestPauseMs;
      failures = fine ? 0 : failures + 1;
      if (session.generation !== generation || session.connection === undefined) failures = 0; // not the channel's fault
      const pause = backoffMs(failures, {
        firstMs: firstPauseMs,
        longestMs: longestPauseMs,
        random: () => clock.random(),
      });
      await clock.sleep(pause, this.#stopping.signal);
    }
  }

  /** The next live connection; undefined when the session closed or we are to stop. */
  #connection(): Promise<ChannelModel | undefined> {
    const ready = this.#options.session.ready({ failOnRefusal: false }).catch(() => undefined); // closed
    return Promise.race([ready, this.#stopped]);
  }

  #mustGo(): boolean {
    return this.#stopping.signal.aborted || this.#recycleDue;
  }

  async #runChannel(connection: ChannelModel, generation: number): Promise<'lost' | 'failed' | 'give-up'> {
    let channel: C;
    try {
      channel = await this.#options.open(connection);
    } catch (error) {
      // Nothing to close. The connection went, or the broker has no channel left.
      return this.#options.setUpFailed(error) ? 'give-up' : 'failed';
    }
    this.#closeRequested = false;
    this.#recycleDue = false;
    const ended = endOf(channel);
    try {
      await this.#options.setUp(channel, generation);
    } catch (error) {
      channel.close().catch(() => undefined); // the set-up may have closed it already
      return this.#options.setUpFailed(error) ? 'give-up' : 'failed';
    }
    this.#channel = channel;
    if (this.#mustGo()) this.recycle();
    const end = await ended;
    this.#channel = undefined;
    this.#options.lost(end);
    return 'lost';
  }
}

/** Resolves when the channel is closed, by whomever. Attaches the `error` listener every channel needs. */
export function endOf(channel: Channel): Promise<ChannelEnd> {
  return new Promise((resolve) => {
    let failure: (Error & { code?: number }) | undefined;
    channel.on('error', (error: Error & { code?: number }) => {
      failure ??= error;
    });
    channel.once('close', () => {
      const text = failure === undefined ? 'closed' : errorText(failure);
      resolve({ code: failure?.code, text, cause: failure });
    });
    if (isChannelClosed(channel))
      resolve({ code: undefined, text: 'closed as soon as it was open', cause: undefined });
  });
}
