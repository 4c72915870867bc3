/**
 * What became of a workflow: the result of its last task, or those of a group, and of what ran before. Reads the store
 * that the configuration names; the only thing it sends is a cancellation.
 */
import { setMaxListeners } from 'node:events';

import {
  type CancelOptions,
  type CancelReport,
  type TaskCanceller,
  taskIds,
  type WorkflowNode,
} from '@celeriac/core';

import { AsyncResult, type ResultOptions, type ResultParts } from '../async-result.js';
import { resultsOf, type SettledResult } from '../results-of.js';

export interface WorkflowParts extends ResultParts {
  readonly canceller: TaskCanceller;
}

/** One that ends in a task, or one that ends in a group. */
export type AnyWorkflowResult = WorkflowResult | GroupResult;

/** What both can do. */
interface Whole {
  /** What runs before: the one before in a chain, the header before the body of a chord. */
  readonly parent: AnyWorkflowResult | undefined;
  /** Ids of all its tasks that were known when it was sent, those that run first first. */
  readonly taskIds: readonly string[];
  /** Cancels all of its tasks, as `cancel` does each. */
  cancelAll(options?: CancelOptions): Promise<readonly CancelReport[]>;
  /** Removes the results of all its tasks. What waits for them goes on waiting. */
  forgetAll(): Promise<void>;
}

/** Of a workflow that ends in a task: `result` is what that returned. */
export class WorkflowResult<Output = unknown> extends AsyncResult<Output> implements Whole {
  readonly #node: WorkflowNode;
  readonly #parts: WorkflowParts;

  constructor(node: WorkflowNode, parts: WorkflowParts) {
    super(node.id, parts);
    this.#node = node;
    this.#parts = parts;
  }

  get parent(): AnyWorkflowResult | undefined {
    return parentOf(this.#node, this.#parts);
  }

  get taskIds(): readonly string[] {
    return taskIds(this.#node);
  }

  cancelAll(options?: CancelOptions): Promise<readonly CancelReport[]> {
    return cancelAll(this.#node, this.#parts, options);
  }

  async forgetAll(): Promise<void> {
    await Promise.all([this.forget(), forgetAll(this.#node, this.#parts)]);
  }
}

/** Of a workflow that ends in a group: `result` is the list of what its members returned, in their order. */
export class GroupResult<Output = unknown> implements Whole {
  /** Of the group. */
  readonly id: string;
  /** What is known of each member, in their order. */
  readonly members: readonly AsyncResult[];
  readonly #node: WorkflowNode;
  readonly #parts: WorkflowParts;

  constructor(node: WorkflowNode & { readonly kind: 'group' }, parts: WorkflowParts) {
    this.id = node.id;
    this.#node = node;
    this.#parts = parts;
    this.members = node.members.map((member) => workflowResult(member, parts) as WorkflowResult);
  }

  get parent(): AnyWorkflowResult | undefined {
    return parentOf(this.#node, this.#parts);
  }

  get taskIds(): readonly string[] {
    return taskIds(this.#node);
  }

  /**
   * Waits for all members. Rejects as `AsyncResult.result` does with the first that does not end well; the others go on.
   * `timeout` is for all together.
   */
  async result({ signal, ...options }: ResultOptions = {}): Promise<Output> {
    const leaving = new AbortController();
    const both = signal === undefined ? leaving.signal : AbortSignal.any([leaving.signal, signal]);
    setMaxListeners(0, both); // one for each
    try {
      return (await Promise.all(
        this.members.map((member) => member.result({ ...options, signal: both })),
      )) as Output;
    } finally {
      leaving.abort();
    }
  }

  /** Celery's words for `result`. */
  get(options?: ResultOptions): Promise<Output> {
    return this.result(options);
  }

  join(options?: ResultOptions): Promise<Output> {
    return this.result(options);
  }

  /** Each result as it comes, whichever comes first. See `resultsOf`. */
  results(options?: ResultOptions): AsyncGenerator<SettledResult, void, undefined> {
    return resultsOf(this.members, options);
  }

  /** How many members have succeeded by now. */
  async completed(): Promise<number> {
    const states = await Promise.all(this.members.map((member) => member.status()));
    return states.filter(({ state }) => state === 'SUCCESS').length;
  }

  cancelAll(options?: CancelOptions): Promise<readonly CancelReport[]> {
    return cancelAll(this.#node, this.#parts, options);
  }

  async forgetAll(): Promise<void> {
    await Promise.all([...this.members.map((member) => member.forget()), forgetAll(this.#node, this.#parts)]);
  }
}

export function workflowResult(node: WorkflowNode, parts: WorkflowParts): AnyWorkflowResult {
  return node.kind === 'group' ? new GroupResult(node, parts) : new WorkflowResult(node, parts);
}

function parentOf({ parent }: WorkflowNode, parts: WorkflowParts): AnyWorkflowResult | undefined {
  return parent === undefined ? undefined : workflowResult(parent, parts);
}

/** Those that run last first, so that none is sent while those before it are cancelled. */
async function cancelAll(
  node: WorkflowNode,
  { canceller }: WorkflowParts,
  options: CancelOptions = {},
): Promise<readonly CancelReport[]> {
  const reports: CancelReport[] = [];
  for (const id of taskIds(node).toReversed()) reports.push(await canceller.cancel(id, options));
  return reports;
}

async function forgetAll(node: WorkflowNode, parts: WorkflowParts): Promise<void> {
  await Promise.all(taskIds(node).map((id) => new AsyncResult(id, parts).forget()));
}
