/**
 * What the I/O thread has to say to the main thread, posted once a turn of the loop and in order. Knows nothing of what
 * it posts, except how to keep it short.
 */
import type { MessagePort, Transferable } from 'node:worker_threads';

import type { DeliveryBatch, ToMain } from './protocol.js';

/** A batch of deliveries that is still growing. */
type Growing = () => DeliveryBatch;

export class Outbox {
  #port: MessagePort;
  #waiting: (ToMain | Growing)[] = [];
  #done: number[] = [];
  #scheduled = false;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  add(message: ToMain): void {
    this.#done = []; // an answer never overtakes what was said before it
    this.#add(message);
  }

  /** Its place is now; what it holds is asked for when it is posted. */
  addLater(batch: Growing): void {
    this.#done = [];
    this.#add(batch);
  }

  /** A request is answered: the usual end, so many go as one message. */
  done(id: number): void {
    if (this.#done.length === 0) {
      const ids = (this.#done = []);
      this.#add({ kind: 'done', ids });
    }
    this.#done.push(id);
  }

  flush(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#done = [];
    const transfer: Transferable[] = [];
    const messages = waiting.map((one): ToMain => {
      if (typeof one !== 'function') return one;
      const batch = one();
      transfer.push(batch.bytes);
      return { kind: 'deliveries', batch };
    });
    this.#port.postMessage(messages, transfer);
  }

  #add(message: ToMain | Growing): void {
    this.#waiting.push(message);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }
}
