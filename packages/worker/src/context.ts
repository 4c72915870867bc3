/**
 * What a running handler is given beside its input: who sent the message, when to stop, a logger, and a way to
 * send further tasks and events. Holds no decisions.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

import {
  type AnySignature,
  BrokerTaskSender,
  Checkpoint,
  type CheckpointOptions,
  type Delivery,
  type EventMessage,
  eventRetries,
  type EventSender,
  type HeaderTable,
  type Logger,
  type TaskMessage,
  type TaskSender,
  type TaskSenderParts,
  withFields,
  isRepeated,
  Replaced,
  replacing,
  type SentWorkflow,
  type SignatureSender,
  type WorkflowOptions,
  type WorkflowSender,
} from '@celeriac/core';

import type { Cancellation } from './cancellation.js';
import { refuseWhenLost, refusingEvents, refusingSink } from './refusing.js';

/** What every handler can do. */
export interface HandlerContext extends WorkflowSender {
  /** Id of the message; stable over redeliveries. */
  readonly id: string;
  readonly queue: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** True when the broker has delivered the message before: it may have run, in part or whole. */
  readonly redelivered: boolean;
  /**
   * With an idempotency key: a number that rises with every run under that key. Let what you write to take no lower one
   * than it has seen, and a run that was thought dead changes nothing any more. Undefined without a key, and where the
   * key store did not answer.
   */
  readonly fencing: number | undefined;
  /** Fires when the handler should stop: soft time limit, shutdown, or a lost connection. `reason` says which. */
  readonly signal: AbortSignal;
  /** Writes lines that carry the id and the name. */
  readonly logger: Logger;
  /** Sends further tasks; from within a task they carry its id as their parent. */
  readonly tasks: TaskSender;
  /** Publishes events. */
  readonly events: EventSender;
}

/** `State` is what the handler keeps at a checkpoint. */
export interface TaskContext<State = unknown> extends HandlerContext {
  /** The registered name. */
  readonly task: string;
  /** Custom headers of the sender. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** The whole message. */
  readonly message: TaskMessage;
  /**
   * Says how far it is: the worker's `progress` event, and the state PROGRESS where results are kept. Any value that can
   * be cloned; nothing waits for it. Throws ERR_DELIVERY_LOST when the delivery is lost and the run does not count any
   * more.
   */
  progress(value: unknown): void;
  /** What the last checkpoint of this task kept; undefined in its first run. */
  readonly checkpointState: State | undefined;
  /**
   * Ends this run, and goes on from `state` in another delivery: a copy of the message with the state is published and
   * confirmed, then this one is acknowledged. `state` is JSON of 32 KiB at most. It ends the run by throwing: let it
   * through. Throws ERR_NOT_SERIALIZABLE, ERR_MESSAGE_TOO_LARGE, or ERR_DELIVERY_LOST; then the run goes on.
   */
  checkpoint(state: State, options?: CheckpointOptions): never;
  /**
   * Sends a task or a workflow in place of this one, and ends the handler, by throwing: `return ctx.replace(…)`. It takes
   * its id, its place in groups and chords, and all that was to follow it; this one has no result of its own. Rejects with
   * ERR_WORKFLOW_INVALID for a group, which has no single result, and as `sendWorkflow`.
   */
  replace(workflow: AnySignature): Promise<never>;
}

export interface EventContext extends HandlerContext {
  /** The registered application that received the event. */
  readonly application: string;
  /** The AMQP headers. */
  readonly headers: HeaderTable;
}

/** What contexts are made from; one per worker. */
export interface ContextParts {
  readonly taskSenderParts: TaskSenderParts;
  readonly workflows: SignatureSender;
  readonly eventSender: EventSender;
  readonly logger: Logger;
  readonly progress: (of: ProgressOf, value: unknown) => void;
  /** A running task has sent another one. */
  readonly sent: (id: string, child: string) => void;
}

/** Whose progress it is. */
export interface ProgressOf {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
}

const current = new AsyncLocalStorage<TaskContext | EventContext>();

/** The context of the handler that is running, for code it calls; undefined outside of one. */
export function currentTask(): TaskContext | EventContext | undefined {
  return current.getStore();
}

/** Runs `handler` with no context as the current one: it is for many messages. */
export function outsideContext<T>(handler: () => T): T {
  return current.exit(handler);
}

/** Runs `handler` with `context` as the current one. */
export function withContext<T>(context: TaskContext | EventContext, handler: () => T): T {
  return current.run(context, handler);
}

abstract class BaseContext<From extends Pick<Delivery, 'queue' | 'redelivered' | 'properties'>> {
  protected readonly delivery: From;
  protected readonly cancellation: Cancellation;
  protected readonly parts: ContextParts;
  readonly fencing: number | undefined;

  constructor({ delivery, cancellation, fencing }: Received<From>, parts: ContextParts) {
    this.delivery = delivery;
    this.cancellation = cancellation;
    this.fencing = fencing;
    this.parts = parts;
  }

  get queue(): string {
    return this.delivery.queue;
  }

  get redelivered(): boolean {
    return isRepeated(this.delivery);
  }

  get signal(): AbortSignal {
    return this.cancellation.signal;
  }

  protected get senderParts(): TaskSenderParts {
    const { taskSenderParts } = this.parts;
    return { ...taskSenderParts, sink: refusingSink(taskSenderParts.sink, this.cancellation) };
  }

  get events(): EventSender {
    return refusingEvents(this.parts.eventSender, this.cancellation);
  }
}

export interface Received<From = Delivery> {
  readonly delivery: From;
  readonly cancellation: Cancellation;
  readonly fencing?: number | undefined;
}

type TaskFrom = Pick<Delivery, 'queue' | 'redelivered' | 'properties'>;

export class RunningTask extends BaseContext<TaskFrom> implements TaskContext {
  readonly message: TaskMessage;

  constructor(message: TaskMessage, received: Received<TaskFrom>, parts: ContextParts) {
    super(received, parts);
    this.message = message;
  }

  get id(): string {
    return this.message.id;
  }

  get task(): string {
    return this.message.task;
  }

  get attempt(): number {
    return this.message.retries + 1;
  }

  get headers(): Readonly<Record<string, unknown>> {
    return this.message.headers;
  }

  get logger(): Logger {
    return withFields(this.parts.logger, { task: this.task, id: this.id });
  }

  get tasks(): TaskSender {
    const { id, rootId } = this.message;
    const onSent = (child: string): void => this.parts.sent(id, child);
    return new BrokerTaskSender({ ...this.senderParts, parent: { id, rootId }, onSent });
  }

  get checkpointState(): unknown {
    return this.message.checkpoint?.state;
  }

  checkpoint(state: unknown, options?: CheckpointOptions): never {
    refuseWhenLost(this.cancellation);
    throw new Checkpoint(state, options);
  }

  /** From within a task, workflows carry its id as their parent. */
  async sendWorkflow(workflow: AnySignature, options?: WorkflowOptions): Promise<SentWorkflow> {
    refuseWhenLost(this.cancellation);
    const { id: parentId, rootId } = this.message;
    const sent = await this.parts.workflows.send(workflow.wire, { parentId, rootId }, options);
    this.parts.sent(parentId, sent.id);
    return sent;
  }

  async replace(workflow: AnySignature): Promise<never> {
    refuseWhenLost(this.cancellation);
    const { id: parentId, rootId } = this.message;
    const { signature, chain } = replacing(this.message, workflow.wire);
    await this.parts.workflows.send(signature, { parentId, rootId, chain });
    throw new Replaced();
  }

  progress(value: unknown): void {
    refuseWhenLost(this.cancellation);
    const { id, task: name, queue } = this;
    this.parts.progress({ id, name, queue }, value);
  }
}

export class RunningEvent extends BaseContext<Delivery> implements EventContext {
  readonly application: string;
  readonly #event: EventMessage;

  constructor(event: EventMessage, received: Received & { application: string }, parts: ContextParts) {
    super(received, parts);
    this.#event = event;
    this.application = received.application;
  }

  get id(): string {
    return this.#event.id;
  }

  get attempt(): number {
    return eventRetries(this.delivery.properties) + 1;
  }

  get headers(): HeaderTable {
    return this.delivery.properties.headers ?? {};
  }

  get logger(): Logger {
    return withFields(this.parts.logger, {
      event: this.#event.type,
      id: this.id,
      application: this.application,
    });
  }

  get tasks(): TaskSender {
    return new BrokerTaskSender(this.senderParts);
  }

  async sendWorkflow(workflow: AnySignature, options?: WorkflowOptions): Promise<SentWorkflow> {
    refuseWhenLost(this.cancellation);
    return this.parts.workflows.send(workflow.wire, {}, options);
  }
}
