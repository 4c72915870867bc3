/** Numbers published messages and confirms them, runs of them with one `multiple`. Knows nothing of messages. */
export interface ConfirmWriter {
  readonly ack: (deliveryTag: number, multiple: boolean) => void;
  readonly nack: (deliveryTag: number) => void;
}

export class Confirms {
  #writer: ConfirmWriter;
  #lastTag = 0;
  /** Taken and not told yet: all since the last flush or nack. */
  #taken = 0;

  constructor(writer: ConfirmWriter) {
    this.#writer = writer;
  }

  /** The next message was taken, or refused. */
  next(taken: boolean): void {
    this.#lastTag++;
    if (taken) {
      this.#taken++;
      return;
    }
    this.#tell(this.#lastTag - 1);
    this.#writer.nack(this.#lastTag);
  }

  flush(): void {
    this.#tell(this.#lastTag);
  }

  #tell(upTo: number): void {
    if (this.#taken > 0) this.#writer.ack(upTo, this.#taken > 1);
    this.#taken = 0;
  }
}
