/**
 * Sends workflows: gives their tasks ids, says how many a chord waits for, and publishes those that begin. Resolves when
 * the broker has confirmed them. Used by the publisher, by handlers, and by workers for what follows a task.
 */
import type { Clock } from '../clock.js';
import type { Config } from '../config/types.js';
import { CeleriacError, isCeleriacError } from '../errors.js';
import type { TaskMessage } from '../message.js';
import type { SendOptions } from '../build-message.js';
import { routeTask } from '../policy/routing.js';
import type { PreparedTask } from '../prepared.js';
import { encodeTask } from '../protocol/celery-v2.js';
import type { WireOptions, WireSignature } from '../protocol/canvas.js';
import type { ChordSizes } from '../results/chord-store.js';
import type { Replies } from '../results/result-store.js';
import { sendAll } from '../send-many.js';
import { expand, type FirstTask } from './expand.js';
import { freeze, hasChord, taskIds, type WorkflowNode } from './freeze.js';
import { queueOf, taskOf } from './message.js';
import type { AnySignature } from './signature.js';

/** What sends a workflow. */
export interface WorkflowSender {
  /**
   * Sends a signature or a workflow: all tasks that wait for nothing; the rest travels with them. Resolves with the ids,
   * when the broker has confirmed them. Rejects with ERR_WORKFLOW_INVALID, ERR_CHORD_BACKEND or what `send` rejects with
   * before anything was sent, and with ERR_SEND_MANY where only some of several tasks were.
   */
  sendWorkflow(workflow: AnySignature, options?: WorkflowOptions): Promise<SentWorkflow>;
}

export type WorkflowOptions = Pick<SendOptions, 'timeout'>;

export interface SentWorkflow {
  /** Of the task whose result is that of the whole; of the group, where it is one. */
  readonly id: string;
  /** What is known of all of it. */
  readonly node: WorkflowNode;
}

export interface WorkflowSenderParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly origin: string;
  /** Publishes what is ready. */
  readonly tasks: { sendPrepared(task: PreparedTask, options?: WorkflowOptions): Promise<unknown> };
  /** Where chords are counted; undefined where they cannot be. */
  readonly chords?: (() => Promise<ChordSizes>) | undefined;
  readonly replies?: Replies | undefined;
  /** True: nobody here reads results, so that what does not say it keeps none. */
  readonly ignoresResults?: boolean;
}

/** What a workflow is sent from. */
export interface WorkflowContext {
  readonly parentId?: string;
  readonly rootId?: string;
  readonly input?: readonly unknown[];
  /** What is left of the chain that it is in, the next one last. */
  readonly chain?: readonly WireSignature[];
  /** Of ids that are not there yet. Default: those of the sender. */
  readonly newId?: () => string;
  /** Changes a message before it is encoded. */
  readonly change?: (message: TaskMessage) => TaskMessage;
}

/** Messages at once on their way to the broker. */
const window = 500;

export class SignatureSender {
  #parts: WorkflowSenderParts;

  constructor(parts: WorkflowSenderParts) {
    this.#parts = parts;
  }

  async send(
    signature: WireSignature,
    context: WorkflowContext = {},
    options: WorkflowOptions = {},
  ): Promise<SentWorkflow> {
    const { newId = this.#parts.newId, input = [], chain = [] } = context;
    const frozen = freeze(signature, { newId, common: this.#common() });
    const { node } = frozen;
    const { tasks, chords } = expand(frozen.signature, { newId, input, chain });
    const prepared = tasks.map((task) => this.#prepare(task, context));
    // Also where it is only reached later: nothing of it is sent then.
    if (chords.size > 0 || hasChord(node)) await this.#expectParts(chords);
    await this.#publishAwaited(prepared, node, options);
    return { id: node.id, node };
  }

  /** Before any task is sent: the last one to end looks for it. */
  async #expectParts(chords: ReadonlyMap<string, number>): Promise<void> {
    const store = this.#parts.chords;
    if (store === undefined) throw noChords();
    const sizes = await store();
    for (const [groupId, size] of chords) await sizes.expect(groupId, size);
  }

  /** The results of what is sent later, by others, are awaited as well. */
  async #publishAwaited(
    prepared: readonly PreparedTask[],
    node: WorkflowNode,
    options: WorkflowOptions,
  ): Promise<void> {
    const { replies } = this.#parts;
    const sent = new Set(prepared.map(({ id }) => id));
    const later = taskIds(node).filter((id) => !sent.has(id));
    for (const id of later) replies?.expect?.(id);
    try {
      await this.#publish(prepared, options);
    } catch (error) {
      const isUnsent = isCeleriacError(error) && error.values.outcome !== 'unknown' && sent.size === 1;
      if (isUnsent) for (const id of later) replies?.withdraw?.(id);
      throw error;
    }
  }

  /** What a task says that it wants is its own; this is for those that say nothing. */
  #common(): WireOptions {
    const { replies, ignoresResults = false } = this.#parts;
    const replyTo = replies?.replyTo;
    return {
      ...(replyTo === undefined ? {} : { reply_to: replyTo }),
      ...(ignoresResults ? { ignore_result: true } : {}),
    };
  }

  #prepare(
    task: FirstTask,
    { parentId, rootId, change = (message) => message }: WorkflowContext,
  ): PreparedTask {
    const { config, clock, origin, replies } = this.#parts;
    const now = clock.now();
    const { time_zone: timeZone, routes, default_queue: usual } = config.tasks;
    const message = change(taskOf(task, { now, origin, timeZone, parentId, rootId }));
    const { id, eta, expires } = message;
    return {
      kind: 'task',
      id,
      name: message.task,
      queue: queueOf(task.signature) ?? routeTask(routes, message.task) ?? usual,
      ...(eta === undefined ? {} : { eta }),
      ...(expires === undefined ? {} : { expires }),
      ...(replies === undefined || message.ignoreResult === true ? {} : { isAwaited: true }),
      ...encodeTask(message, now),
    };
  }

  async #publish(prepared: readonly PreparedTask[], options: WorkflowOptions): Promise<void> {
    const { tasks, clock } = this.#parts;
    const [only, ...others] = prepared;
    if (only === undefined) return;
    if (others.length === 0) {
      await tasks.sendPrepared(only, options);
      return;
    }
    await sendAll(prepared, {
      window,
      clock,
      send: async (task) => (await tasks.sendPrepared(task as PreparedTask, options)) as never,
    });
  }
}

/** There is nowhere to count one. */
export function noChords(): CeleriacError {
  return new CeleriacError('ERR_CHORD_BACKEND', {
    message: 'A chord needs results in Redis: its tasks are counted there.',
    hint: 'Set tasks.result_backend to redis://… for senders and workers alike. Nothing was sent.',
  });
}
