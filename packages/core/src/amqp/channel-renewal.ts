/**
 * Has a publishing channel replaced when its refusals may be its own fault: once nothing is in flight on it, or after a
 * second. What is refused is not its concern; `refusals.ts` decides.
 */
import type { Clock, Timer } from '../clock.js';
import type { OutgoingMessage } from '../ports.js';
import { Refusals } from './refusals.js';

export interface ChannelRenewalOptions {
  readonly clock: Clock;
  /** Closes the channel, so that another takes its place. What is in flight is sent again. */
  readonly renew: () => void;
}

/** What is in flight may take so long to be confirmed. */
const patienceMs = 1_000;

export class ChannelRenewal {
  #options: ChannelRenewalOptions;
  #refusals = new Refusals();
  #due: Timer | undefined;

  constructor(options: ChannelRenewalOptions) {
    this.#options = options;
  }

  /** Nothing is to be written any more. */
  get isDue(): boolean {
    return this.#due !== undefined;
  }

  opened(): void {
    this.#refusals.opened();
  }

  confirmed(message: OutgoingMessage): void {
    this.#refusals.confirmed(message);
  }

  refused(message: OutgoingMessage): void {
    const { clock, renew } = this.#options;
    if (this.isDue || !this.#refusals.refused(message, clock.monotonic())) return;
    this.#due = clock.after(patienceMs, renew);
  }

  /** Nothing is in flight. */
  idle(): void {
    if (this.isDue) this.#options.renew();
  }

  /** The channel is gone, or will not be replaced. */
  cancel(): void {
    this.#due?.cancel();
    this.#due = undefined;
  }
}
