/**
 * Numbers published messages and confirms them, runs of them with one `multiple`. Knows nothing of messages. A fault
 * may keep a confirm back: from then on each is told by itself, as `multiple` would tell that one, too.
 */
import type { ConfirmFate } from '../faults/target.js';

export interface ConfirmWriter {
  readonly ack: (deliveryTag: number, multiple: boolean) => void;
  readonly nack: (deliveryTag: number) => void;
  /** What becomes of the confirm of a message that was taken. */
  readonly fate: () => ConfirmFate;
}

export class Confirms {
  #writer: ConfirmWriter;
  #lastTag = 0;
  /** Taken and not told yet: all since the last flush or nack. */
  #taken = 0;
  #isOneByOne = false;

  constructor(writer: ConfirmWriter) {
    this.#writer = writer;
  }

  /** The next message was taken, or refused. */
  next(taken: boolean): void {
    this.#lastTag++;
    const fate = taken ? this.#writer.fate() : 'nack';
    if (fate === 'tell') {
      this.#taken++;
      return;
    }
    const tag = this.#lastTag;
    this.#tell(tag - 1);
    if (fate === 'nack') {
      this.#writer.nack(tag);
      return;
    }
    this.#isOneByOne = true;
    if (fate !== 'withhold') fate.clock.after(fate.delayMs, () => this.#writer.ack(tag, false));
  }

  flush(): void {
    this.#tell(this.#lastTag);
  }

  #tell(upTo: number): void {
    if (this.#isOneByOne) {
      for (let tag = upTo - this.#taken + 1; tag <= upTo; tag++) this.#writer.ack(tag, false);
    } else if (this.#taken > 0) {
      this.#writer.ack(upTo, this.#taken > 1);
    }
    this.#taken = 0;
  }
}
