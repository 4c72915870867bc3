/** A sender of workflows whose receipts lead to results. Types, and the way from ids to them. */
import type { AnySignature, Signature, SignatureSender, WorkflowOptions } from '@celeriac/core';

import {
  type GroupResult,
  workflowResult,
  type WorkflowParts,
  type WorkflowResult,
} from './workflow-result.js';

/** A list is what a group gives. */
export type ResultOfWorkflow<Out> = Out extends readonly unknown[]
  ? WorkflowResult<Out> | GroupResult<Out>
  : WorkflowResult<Out>;

export interface WorkflowResultSender {
  /**
   * Sends a signature or a workflow: all tasks that wait for nothing; the rest travels with them. Resolves when the broker
   * has confirmed them. Rejects with ERR_WORKFLOW_INVALID, ERR_CHORD_BACKEND or what `send` rejects with before anything
   * was sent, and with ERR_SEND_MANY where only some of several tasks were.
   */
  readonly sendWorkflow: <Out>(
    workflow: Signature<undefined, Out>,
    options?: WorkflowOptions,
  ) => Promise<ResultOfWorkflow<Out>>;
}

export function withWorkflowResults(
  sender: Pick<SignatureSender, 'send'>,
  parts: WorkflowParts,
): WorkflowResultSender {
  return {
    sendWorkflow: async (workflow: AnySignature, options?: WorkflowOptions) => {
      const { node } = await sender.send(workflow.wire, {}, options);
      const isIgnored = workflow.wire.options.ignore_result === true;
      return workflowResult(node, { ...parts, isIgnored }) as never;
    },
  };
}
