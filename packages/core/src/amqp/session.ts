/**
 * One connection to the broker, kept alive: connects, fails over between addresses, reconnects with jittered
 * backoff, notices dead peers, and says so. amqp-connection-manager is used as the source of connections only
 * (ADR 0002): it asks `nextAddress` before every attempt, so order, delay and deadline are decided here. Opens no
 * channels and knows no queues.
 */
import { EventEmitter } from 'node:events';

import { AmqpConnectionManagerClass } from 'amqp-connection-manager';
import type { ChannelModel, Options } from 'amqplib';

import { type Clock, systemClock, type Timer } from '../clock.js';
import { waitAtMost } from '../deadline.js';
import { CeleriacError, errorText } from '../errors.js';
import type { Logger } from '../logger.js';
import { backoffMs } from '../policy/backoff.js';
import {
  type BrokerEndpoint,
  connectionOptions,
  type ConnectionSettings,
  endpointOptions,
} from './broker-endpoint.js';
import { certainty, connectError, isPermanent } from './connect-error.js';
import { ConnectLog } from './connect-log.js';
import { isClosed } from './connection-state.js';
import { installFrameReader } from './frame-reader.js';

export interface SessionEvents {
  /** A connection is up: the first one, or one after a loss. */
  restored: [generation: number];
  /** The connection is gone; another is being sought. */
  lost: [error: CeleriacError];
  /** The broker stopped reading what is published, and why. */
  blocked: [reason: string];
  unblocked: [];
  /** One attempt failed. */
  'connect-failed': [error: CeleriacError];
  /** `close` was called. */
  closing: [];
}

export interface SessionOptions extends ConnectionSettings {
  readonly endpoints: readonly BrokerEndpoint[];
  /** Seconds an attempt may take, from the first packet to the accepted connection. */
  readonly connectTimeout: number;
  /** Longest pause between two rounds of attempts, seconds. */
  readonly reconnectMaxDelay: number;
  readonly logger: Logger;
  readonly clock?: Clock;
}

interface Attempt {
  readonly endpoint: BrokerEndpoint;
  /** Destroys the socket of this attempt, and later of its connection. */
  readonly socket: AbortController;
  readonly deadline: Timer;
  /** Seconds. */
  readonly timeout: number;
  timedOut: boolean;
}

/** First pause between rounds of attempts; doubles with every round that failed. */
const firstDelayMs = 100;
/** A connection that lived shorter does not count as success: flapping must not defeat the backoff. */
const stableAfterMs = 5_000;
const closeDeadlineMs = 2_000;

export class Session {
  readonly events: EventEmitter<SessionEvents> = new EventEmitter<SessionEvents>();
  readonly name: string;
  #options: SessionOptions;
  #clock: Clock;
  #source: AmqpConnectionManagerClass;
  #log: ConnectLog;
  #closing = new AbortController();
  #attempt: Attempt | undefined;
  #connection: ChannelModel | undefined;
  #connectedAt = 0;
  #generation = 0;
  #failures = 0;
  #next = 0;
  #blocked: string | undefined;
  #lastError: CeleriacError | undefined;
  #permanentFailures = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.name = options.name;
    this.#log = new ConnectLog(options.logger, this.#clock, options.name);
    this.events.setMaxListeners(0); // one listener per channel and per waiting call
    this.#source = new AmqpConnectionManagerClass(undefined, {
      findServers: () => this.#nextAddress(),
      heartbeatIntervalInSeconds: options.heartbeat,
      reconnectTimeInSeconds: 0.001, // the pause is in nextAddress, where it can be jittered and cut short
    });
    this.#listen();
    // Its promise settles with the first attempts only; what happens is told by the events.
    this.#source.connect().catch(() => undefined);
  }

  /** Counts connections. What belongs to an older generation must not be settled on a newer one. */
  get generation(): number {
    return this.#generation;
  }

  get connection(): ChannelModel | undefined {
    return this.#connection;
  }

  /** Why the broker blocks publishing right now, if it does. */
  get blocked(): string | undefined {
    return this.#blocked;
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** The last reason for being without a connection. */
  get lastError(): CeleriacError | undefined {
    return this.#lastError;
  }

  /**
   * Waits for a connection. Rejects at once when every address was refused for a reason that will not go away by
   * itself (`failOnRefusal`, default true), at `timeoutMs`, or with ERR_CLOSED.
   */
  ready(
    options: { readonly timeoutMs?: number; readonly failOnRefusal?: boolean } = {},
  ): Promise<ChannelModel> {
    const { timeoutMs, failOnRefusal = true } = options;
    if (this.#connection !== undefined) return Promise.resolve(this.#connection);
    if (this.closed) return Promise.reject(this.#closedError());
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (this.#connection !== undefined) finish(() => resolve(this.#connection as ChannelModel));
        else if (this.closed) finish(() => reject(this.#closedError()));
        else if (failOnRefusal && this.#refusedEverywhere) finish(() => reject(this.#lastError));
      };
      const finish = (settle: () => void): void => {
        timer?.cancel();
        for (const event of ['restored', 'connect-failed', 'closing'] as const) this.events.off(event, check);
        settle();
      };
      const timer =
        timeoutMs === undefined
          ? undefined
          : this.#clock.after(timeoutMs, () => finish(() => reject(this.#notReady(timeoutMs))));
      for (const event of ['restored', 'connect-failed', 'closing'] as const) this.events.on(event, check);
      check();
    });
  }

  /** Destroys the socket now; the session reconnects. For a peer that is known to be dead. */
  drop(): void {
    this.#attempt?.socket.abort();
  }

  /** Closes within two seconds whatever the broker does. Idempotent. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.#closing.abort();
    this.events.emit('closing');
    if (this.#connection === undefined) this.drop(); // a pending attempt ends here
    this.#connection = undefined;
    const closed = this.#source.close().catch(() => undefined); // it may be closed already: nothing to do then
    await waitAtMost(this.#clock, closeDeadlineMs, closed);
    this.drop();
    this.#attempt?.deadline.cancel();
  }

  #listen(): void {
    this.#source.on('connect', ({ connection }) => this.#connected(connection as unknown as ChannelModel));
    this.#source.on('connectFailed', ({ err }) => this.#failed(err));
    this.#source.on('disconnect', ({ err }) => this.#lost(err));
    this.#source.on('blocked', ({ reason }: { reason: string }) => {
      this.#blocked = reason;
      this.#options.logger.warn('broker blocks publishing', { connection: this.name, reason });
      this.events.emit('blocked', reason);
    });
    this.#source.on('unblocked', () => {
      this.#blocked = undefined;
      this.#options.logger.info('broker takes messages again', { connection: this.name });
      this.events.emit('unblocked');
    });
  }

  /** Called before every attempt: waits out the pause, then says where to go and how. */
  async #nextAddress(): Promise<Options.Connect> {
    await this.#clock.sleep(this.#pauseMs(), this.#closing.signal);
    if (this.closed) throw this.#closedError();
    const { endpoints } = this.#options;
    const endpoint = endpoints[this.#next % endpoints.length] as BrokerEndpoint;
    this.#next++;
    const socket = new AbortController();
    const timeout = endpoint.connectTimeout ?? this.#options.connectTimeout;
    const attempt: Attempt = {
      endpoint,
      socket,
      timeout,
      timedOut: false,
      deadline: this.#clock.after(timeout * 1000, () => {
        attempt.timedOut = true;
        socket.abort();
      }),
    };
    this.#attempt = attempt;
    this.#source.connectionOptions = connectionOptions(this.#options, endpoint, socket.signal);
    return endpointOptions(endpoint, this.#options.heartbeat);
  }

  /** Grows per round of addresses; within a round it stays short. */
  #pauseMs(): number {
    const { endpoints, reconnectMaxDelay } = this.#options;
    if (this.#generation === 0 && this.#failures === 0) return 0;
    const withinRound = this.#failures % endpoints.length !== 0;
    const rounds = withinRound ? 1 : Math.floor(this.#failures / endpoints.length) + 1;
    const longestMs = reconnectMaxDelay * 1000;
    return backoffMs(rounds, { firstMs: firstDelayMs, longestMs, random: () => this.#clock.random() });
  }

  #connected(connection: ChannelModel): void {
    const attempt = this.#attempt;
    attempt?.deadline.cancel();
    if (this.closed) {
      this.drop();
      return;
    }
    if (isClosed(connection)) {
      // amqplib told nobody, as nobody could listen yet. Told again, its source tries anew.
      this.#failed(new Error('closed by the broker as soon as it was open'));
      connection.emit('close');
      return;
    }
    try {
      installFrameReader(connection.connection, this.#options.properties);
    } catch (error) {
      this.#lastError = error as CeleriacError;
      this.#permanentFailures = this.#options.endpoints.length;
      this.drop();
      return;
    }
    this.#connection = connection;
    this.#connectedAt = this.#clock.monotonic();
    this.#generation++;
    this.#permanentFailures = 0;
    this.#blocked = undefined;
    this.#log.connected(attempt?.endpoint, this.#generation);
    this.events.emit('restored', this.#generation);
  }

  #failed(cause: unknown): void {
    const attempt = this.#attempt;
    attempt?.deadline.cancel();
    if (this.closed || attempt === undefined) return;
    attempt.socket.abort();
    const error = connectError(cause, attempt.endpoint, attempt.timedOut ? attempt.timeout : undefined);
    this.#failures++;
    this.#permanentFailures = isPermanent(error) ? this.#permanentFailures + certainty(error) : 0;
    this.#lastError = error;
    this.#log.failed(error, attempt.endpoint);
    this.events.emit('connect-failed', error);
  }

  #lost(cause: unknown): void {
    const wasUp = this.#connection !== undefined;
    this.#connection = undefined;
    this.#blocked = undefined;
    this.drop(); // amqplib only half-closes after a heartbeat timeout: the socket would linger
    if (this.closed || !wasUp) return;
    const stable = this.#clock.monotonic() - this.#connectedAt >= stableAfterMs;
    this.#failures = stable ? 0 : this.#failures + 1;
    const error = new CeleriacError('ERR_CONNECTION_LOST', {
      message: `The connection '${this.name}' was lost: ${errorText(cause ?? 'the socket was closed')}.`,
      hint: 'It is being restored; unsettled deliveries go back to their queues.',
      values: { connection: this.name, generation: this.#generation },
      cause,
    });
    this.#lastError = error;
    this.#log.lost(error);
    this.events.emit('lost', error);
  }

  get #refusedEverywhere(): boolean {
    return this.#permanentFailures >= this.#options.endpoints.length;
  }

  #closedError(): CeleriacError {
    return new CeleriacError('ERR_CLOSED', { message: `The connection '${this.name}' was closed.` });
  }

  #notReady(timeoutMs: number): CeleriacError {
    const last = this.#lastError;
    return new CeleriacError(last?.code ?? 'ERR_BROKER_UNREACHABLE', {
      message: `No connection to the broker after ${Math.round(timeoutMs) / 1000} s.${last === undefined ? '' : ` ${last.message}`}`,
      ...(last === undefined ? {} : { values: last.values, cause: last }),
    });
  }
}
