/** What faults can do to a connection, and what a connection asks of them. Ports between the two; types only. */
import type { Clock } from '../engine/clock.js';
import type { FrameStep, Step } from './step.js';

export interface FaultTarget {
  /** As the client calls itself. */
  readonly name: string;
  readonly channelNumbers: readonly number[];
  /** Ends it without a word; what was written still arrives. */
  drop(): void;
  /** From here on it is silent: nothing is read, nothing is written, and it stays open. */
  stall(): void;
  /** Ends a stall: what has waited goes on. */
  resume(): void;
  close(replyCode: number, replyText: string): void;
  closeChannel(channel: number, replyCode: number, replyText: string): void;
  /** Clients that publish are stopped, or let go on. */
  throttle(): void;
  /** Deliveries in its hands are too old, as of now. */
  timeOutConsumers(): void;
}

/** What is to happen at a step. */
export interface Strike {
  /** Changes the frame before it is sent. */
  readonly change?: (frame: Buffer) => Buffer;
  /** After it was sent, or has taken effect. */
  readonly act?: () => void;
}

/** Asked at every step. */
export type Interceptor = (step: Step, target: FaultTarget) => Strike | undefined;

/** What becomes of the confirm of a message that is stored. */
export type ConfirmFate = 'tell' | 'withhold' | 'nack' | { readonly delayMs: number; readonly clock: Clock };

/** What a connection asks. */
export interface ConnectionFaults {
  /** False: no frame needs to be shown, which costs nothing. */
  readonly watching: boolean;
  /** Bytes that are written at once; 0 is as many as there are. */
  readonly pieceBytes: number;
  /** Why publishers are to wait. */
  readonly blocked: string | undefined;
  /** A received frame has taken effect, or one is to be sent. */
  passes(step: FrameStep, target: FaultTarget): Strike | undefined;
  /** A message is to be confirmed. */
  confirming(connection: string): ConfirmFate;
}

/** Nothing goes wrong. */
export const noFaults: ConnectionFaults = {
  watching: false,
  pieceBytes: 0,
  blocked: undefined,
  passes: () => undefined,
  confirming: () => 'tell',
};
