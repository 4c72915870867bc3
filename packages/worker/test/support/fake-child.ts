/** A child of a pool that does only what the test says, and keeps what it is told. */
import type { Child, ChildEnd } from '../../dist/pool/child.js';
import type { FromChild, ToChild } from '../../dist/pool/protocol.js';

export class FakeChild implements Child {
  readonly id: number;
  readonly heard: ToChild[] = [];
  readonly ended: Promise<ChildEnd>;
  held = 0;
  end: (how?: Partial<ChildEnd>) => void = () => undefined;
  #listener: (message: FromChild) => void = () => undefined;

  constructor(id: number) {
    this.id = id;
    this.ended = new Promise((resolve) => {
      this.end = (how) => resolve({ code: null, signal: null, isOutOfMemory: false, ...how });
    });
  }

  get jobs(): number {
    return this.heard.filter(({ op }) => op === 'run').length;
  }

  send(message: ToChild): void {
    this.heard.push(message);
    if (message.op === 'end') this.end({ code: 0 });
  }

  say(message: FromChild): void {
    this.#listener(message);
  }

  done(job: number, memory = 0): void {
    this.say({ op: 'started', job });
    this.say({ op: 'done', job, memory, outcome: { kind: 'succeeded', value: this.id } });
  }

  listen(listener: (message: FromChild) => void): void {
    this.#listener = listener;
  }

  kill(): void {
    this.end({ signal: 'SIGKILL' });
  }

  memory(): Promise<number> {
    return Promise.resolve(this.held);
  }
}
