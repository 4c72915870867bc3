/**
 * A fault that waits for its moment: counts what passes, and says when it is due. Does nothing itself, and knows no
 * sockets.
 */
import type { FrameName, FrameStep } from './step.js';

/** The moment of a fault: the n-th frame of this kind from now on. */
export interface FaultMoment {
  /** `received` and `sent` as the broker sees it. Default: both. */
  readonly direction?: 'received' | 'sent';
  /** `basic.publish`, `basic.ack`, …, or `header` and `body` of a message. Default: any. */
  readonly frame?: FrameName;
  /** 1 is the next. Default 1. */
  readonly nth?: number;
}

export interface FaultOptions {
  /** Connections whose name has this text, or matches. Default: all. */
  readonly connection?: string | RegExp;
  /** Default: at once, on the connections that are there. */
  readonly at?: FaultMoment;
  /** How often, with `at`: it counts anew each time. Default 1. */
  readonly times?: number;
}

/** What a fault that was dialled can still be asked. */
export interface Fault {
  /** How often it has struck. */
  readonly struck: number;
  /** It strikes no more. What it has done stays done. */
  readonly end: () => void;
}

export class PendingFault implements Fault {
  readonly #options: FaultOptions;
  readonly #ended: (fault: PendingFault) => void;
  #passed = 0;
  #struck = 0;

  /** `ended` is called once, when it will not strike again. */
  constructor(options: FaultOptions, ended: (fault: PendingFault) => void) {
    this.#options = options;
    this.#ended = ended;
  }

  get struck(): number {
    return this.#struck;
  }

  end(): void {
    this.#ended(this);
  }

  /** Something of this connection passes. True when the fault is due; it has struck then. */
  isDue(connection: string, step?: FrameStep): boolean {
    const { at = {}, times = 1 } = this.#options;
    if (times < 1 || !matches(connection, this.#options) || !isMeant(step, at)) return false;
    if (++this.#passed < (at.nth ?? 1)) return false;
    this.#passed = 0;
    if (++this.#struck >= times) this.end();
    return true;
  }

  /** It has struck without a moment of its own. */
  strike(): void {
    this.#struck++;
  }
}

export function matches(name: string, { connection }: Pick<FaultOptions, 'connection'>): boolean {
  if (connection === undefined) return true;
  // Not test(): with `g` or `y`, what a pattern has matched before would count.
  return typeof connection === 'string' ? name.includes(connection) : name.search(connection) !== -1;
}

function isMeant(step: FrameStep | undefined, { direction, frame }: FaultMoment): boolean {
  if (step === undefined) return true;
  return (
    (direction === undefined || direction === step.direction) && (frame === undefined || frame === step.frame)
  );
}
