/** One frame that passes between a client and the broker, as faults see it. Heartbeats are none: they come with time. */
import { type Frame, frameType } from '../codec/frames.js';
import type { MethodName } from '../codec/methods.js';

/** A method by its name, or the content that follows some of them. */
export type FrameName = MethodName | 'header' | 'body';

export interface FrameStep {
  /** As the broker sees it. */
  readonly direction: 'received' | 'sent';
  readonly frame: FrameName;
  readonly channel: number;
}

/** A step of a connection; the first of the broker's life is number 1. */
export interface Step extends FrameStep {
  readonly number: number;
  /** The connection, as the client calls it: empty until it has said so. */
  readonly connection: string;
}

/** A received frame as a step; undefined for a heartbeat, or for one that cannot be read. */
export function receivedStep(
  { type, channel }: Frame,
  method: MethodName | undefined,
): FrameStep | undefined {
  if (type === frameType.header) return { direction: 'received', frame: 'header', channel };
  if (type === frameType.body) return { direction: 'received', frame: 'body', channel };
  return method === undefined ? undefined : { direction: 'received', frame: method, channel };
}

export function describeStep({ number, connection, direction, frame, channel }: Step): string {
  return `step ${number}, '${connection}' channel ${channel}: ${direction} ${frame}`;
}
