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
    let transfer: Transferable[] = [];
    let messages: ToMain[] = [];
    const post = (): void => {
      if (messages.length > 0) this.#port.postMessage(messages, transfer);
      [messages, transfer] = [[], []];
    };
    for (const one of waiting) {
      const message: ToMain = typeof one === 'function' ? { kind: 'deliveries', batch: one() } : one;
      if (message.kind === 'deliveries') transfer.push(message.batch.bytes);
      messages.push(message);
      // Whoever waits for an answer goes on before what came after it is seen, as without a thread.
      if (isEnd(message)) post();
    }
    post();
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

function isEnd({ kind }: ToMain): boolean {
  return kind === 'done' || kind === 'answered' || kind === 'failed';
}
