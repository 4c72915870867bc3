/** From a worker's parts to what sends workflows and what follows tasks. Decides nothing. */
import {
  BrokerTaskSender,
  type ChordSizes,
  type Clock,
  type Logger,
  noChords,
  SignatureSender,
  type TaskSenderParts,
} from '@celeriac/core';

import type { Gate } from '../gate.js';
import type { ResultKeeper } from '../results/result-keeper.js';
import { FollowUps } from './follow-ups.js';
import { WorkflowGate } from './workflow-gate.js';

/** `chords` rejects where there are none. */
export function signatureSender(parts: TaskSenderParts, chords: () => Promise<ChordSizes>): SignatureSender {
  const { config, clock, newId, origin } = parts;
  return new SignatureSender({ config, clock, newId, origin, tasks: new BrokerTaskSender(parts), chords });
}

/** Rejects with ERR_CHORD_BACKEND. */
export function chordsOf(results: ResultKeeper | undefined): Promise<ChordSizes> {
  const chords = results?.writer.chords;
  return chords === undefined ? Promise.reject(noChords()) : Promise.resolve(chords);
}

export interface OpenFollowUpsParts {
  readonly sender: SignatureSender;
  readonly results: ResultKeeper | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly halted: AbortSignal;
}

export interface OpenedFollowUps {
  readonly followUps: FollowUps;
  /** Asked before all others. */
  readonly gate: Gate;
}

export function openFollowUps({ results, ...parts }: OpenFollowUpsParts): OpenedFollowUps {
  const followUps = new FollowUps({ ...parts, writer: results?.writer });
  return { followUps, gate: new WorkflowGate(() => followUps.chords) };
}
