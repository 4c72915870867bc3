/**
 * A task and what sends it, under the names that Celery's own tasks have: `delay`, `applyAsync`, `s`, `si`. Only names:
 * each is one call of `send` or `signature`, which decide everything.
 */
import type { SendOptions } from '../build-message.js';
import type { TaskContract } from '../contract/task.js';
import type { SentMessage } from '../ports.js';
import type { TaskSender } from '../task-sender.js';
import { chunks, map, starmap } from './compose.js';
import { type Missing, type Signature, signature, type SignatureOptions } from './signature.js';

type Send<Sent> = (task: string, input: unknown, options?: SendOptions) => Promise<Sent>;

/** By contract. `Sent` is what the sender gives: a publisher's receipt leads to the result. */
export class BoundTask<in Input, out Output, out Sent = SentMessage> {
  readonly name: string;
  #task: TaskContract;
  #send: Send<Sent>;

  constructor(task: TaskContract<Input, Output, unknown>, send: Send<Sent>) {
    this.name = task.name;
    this.#task = task;
    this.#send = send;
  }

  /** Sends it, as the contract says. Rejects as `send` does. */
  delay(input: Input): Promise<Sent> {
    return this.applyAsync(input);
  }

  /** Sends it with options: `countdown`, `eta`, `expires`, `queue`, `priority` … Rejects as `send` does. */
  applyAsync(input: Input, options?: SendOptions): Promise<Sent> {
    return this.#send(this.#task as unknown as string, input, options);
  }

  /** Its signature: without `input` it takes all of what comes before, with a part of it the rest. */
  s(): Signature<Input, Output>;
  s<const Given extends Input>(input: Given, options?: SignatureOptions): Signature<undefined, Output>;
  s<const Given extends Partial<Input> | readonly unknown[]>(
    input: Given,
    options?: SignatureOptions,
  ): Signature<Missing<Input, Given>, Output>;
  s(input?: unknown, options?: SignatureOptions): Signature<never, Output> {
    return signature(this.#task, input as never, options) as Signature<never, Output>;
  }

  /** Its immutable signature: what comes before does not give it its value. */
  si(input: Input, options?: SignatureOptions): Signature<unknown, Output> {
    return signature(this.#task, input, { ...options, immutable: true }) as Signature<unknown, Output>;
  }

  /** One message that runs it once per item. */
  map(it: Iterable<Input>): Signature<unknown, Output[]> {
    return map(this.#task, it) as Signature<unknown, Output[]>;
  }

  /** As `map`, with a list of arguments per item. */
  starmap(it: Iterable<readonly unknown[]>): Signature<unknown, Output[]> {
    return starmap(this.#task, it) as Signature<unknown, Output[]>;
  }

  /** A group of `starmap`s over so many items each. */
  chunks(it: Iterable<readonly unknown[]>, size: number): Signature<unknown, Output[][]> {
    return chunks(this.#task, it, size) as Signature<unknown, Output[][]>;
  }
}

/** By bare name: arguments are positional, as in Python, and nothing is checked. */
export class NamedTask<out Sent = SentMessage> {
  readonly name: string;
  #send: Send<Sent>;

  constructor(name: string, send: Send<Sent>) {
    this.name = name;
    this.#send = send;
  }

  /** Sends it with these arguments. Rejects as `send` does. */
  delay(...args: readonly unknown[]): Promise<Sent> {
    return this.applyAsync(args);
  }

  /** Sends it. A list is positional arguments, an object keyword arguments; `options.kwargs` beside a list. */
  applyAsync(input?: unknown, options?: SendOptions): Promise<Sent> {
    return this.#send(this.name, input, options);
  }

  /** Its signature, with these arguments behind what comes before. */
  s<Out = unknown>(...args: readonly unknown[]): Signature<unknown, Out> {
    return signature<unknown, Out>(this.name, args);
  }

  /** Its immutable signature, with these arguments and no others. */
  si<Out = unknown>(...args: readonly unknown[]): Signature<unknown, Out> {
    return signature<unknown, Out>(this.name, args, { immutable: true });
  }

  map<Out = unknown>(it: Iterable<unknown>): Signature<unknown, Out[]> {
    return map(this.name, it) as Signature<unknown, Out[]>;
  }

  starmap<Out = unknown>(it: Iterable<readonly unknown[]>): Signature<unknown, Out[]> {
    return starmap(this.name, it) as Signature<unknown, Out[]>;
  }

  chunks<Out = unknown>(it: Iterable<readonly unknown[]>, size: number): Signature<unknown, Out[][]> {
    return chunks(this.name, it, size) as Signature<unknown, Out[][]>;
  }
}

/** The task under Celery's names, sent by `sender`: a publisher, or `ctx.tasks` of a handler. */
export function bindTask<Input, Output>(
  task: TaskContract<Input, Output, unknown>,
  sender: TaskSender,
): BoundTask<Input, Output>;
export function bindTask(task: string, sender: TaskSender): NamedTask;
export function bindTask(
  task: TaskContract | string,
  sender: TaskSender,
): BoundTask<never, unknown> | NamedTask {
  const send = sender.send.bind(sender) as Send<SentMessage>;
  return typeof task === 'string' ? new NamedTask(task, send) : new BoundTask<unknown, unknown>(task, send);
}
