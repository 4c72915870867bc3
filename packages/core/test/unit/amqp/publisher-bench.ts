/** A publisher on a real amqplib connection to a broker that the test plays, with a manual clock. */
import { ConfirmPublisher, type ConfirmPublisherOptions } from '../../../dist/amqp/confirm-publisher.js';
import { errorText, isCeleriacError } from '../../../dist/errors.js';
import { silentLogger } from '../../../dist/logger.js';
import type { OutgoingMessage, PublishOptions } from '../../../dist/ports.js';
import { ManualClock } from '../../support/manual-clock.js';
import { outgoing } from './outgoing.js';
import { ScriptedBroker } from './scripted-broker.js';
import { ScriptedSession, until } from './scripted-session.js';

const limits = { timeoutMs: 60_000, maxMessages: 10, maxBytes: 1_000_000, maxMessageBytes: 500_000 };

export class PublisherBench {
  readonly broker: ScriptedBroker = new ScriptedBroker();
  readonly session: ScriptedSession = new ScriptedSession();
  readonly clock: ManualClock = new ManualClock();
  /** How each message ended, by id: `ok`, or code and outcome. */
  readonly ended: Record<string, string> = {};
  #publisher: ConfirmPublisher | undefined;
  #port = 0;

  get publisher(): ConfirmPublisher {
    if (this.#publisher === undefined) throw new Error('not opened');
    return this.#publisher;
  }

  async listen(): Promise<void> {
    this.#port = await this.broker.listen();
  }

  async connect(): Promise<void> {
    await this.session.connect(this.#port);
  }

  /** A publisher with roomy limits, unless `more` says otherwise. */
  open(more: Partial<ConfirmPublisherOptions> = {}): void {
    const { clock, session } = this;
    const parts = { session: session.session, clock, logger: silentLogger };
    this.#publisher = new ConfirmPublisher({ ...parts, ...limits, ...more });
  }

  publish(id: string, more: Partial<OutgoingMessage> = {}, options: PublishOptions = {}): void {
    this.publisher.publish(outgoing(id, more), options).then(
      () => (this.ended[id] = 'ok'),
      (error: unknown) => (this.ended[id] = shown(error)),
    );
  }

  /** So many messages have come to the broker, over all channels. */
  arrived(count: number): Promise<void> {
    return until(() => this.broker.published.length === count);
  }

  /** So many messages have ended, in whatever way. */
  over(count: number): Promise<void> {
    return until(() => Object.keys(this.ended).length === count);
  }

  /** Does `lose` and waits until the publisher has noticed; returns how long it pauses then, milliseconds. */
  async lost(lose: () => void): Promise<number> {
    const pauses = this.clock.slept.length;
    lose();
    await until(() => this.clock.slept.length > pauses);
    return this.clock.slept.at(-1) ?? 0;
  }

  /** The broker closes the channel, and the publisher opens another after its pause. */
  async closedAndReopened(code: number, text: string): Promise<void> {
    await this.clock.advance(await this.lost(() => this.broker.closeChannel(code, text)));
  }

  async stop(): Promise<void> {
    const closing = this.#publisher?.close();
    await this.broker.stop();
    await this.session.close();
    await closing;
  }
}

function shown(error: unknown): string {
  return isCeleriacError(error) ? `${error.code} ${String(error.values['outcome'])}` : errorText(error);
}
