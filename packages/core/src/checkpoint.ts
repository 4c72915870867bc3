/**
 * What `checkpoint` of a running task throws: end this run, and go on from here in another delivery. Data; `judge` acts
 * on it.
 */
import { type Duration, parseDuration } from './config/duration.js';
import { CeleriacError } from './errors.js';
import { stringifyJson } from './protocol/json.js';

/** Shared by every copy of this package in a process, where `instanceof` would say no. */
const checkpointBrand = Symbol.for('celeriac.checkpoint');

/**
 * Bytes of a state as JSON. It travels in a header, and all headers of a message share one frame of 128 KiB
 * (frame_max of RabbitMQ and of its clients).
 */
const longestState = 32_768;

export interface CheckpointOptions {
  /** Before the next run. Default: none. */
  readonly delay?: Duration;
}

export class Checkpoint extends Error {
  override readonly name: string = 'Checkpoint';
  /** The state as JSON. */
  readonly state: string;
  readonly delayMs: number;

  /** Throws ERR_NOT_SERIALIZABLE, ERR_MESSAGE_TOO_LARGE, or ERR_INPUT_INVALID for a delay that is none. */
  constructor(state: unknown, { delay = 0 }: CheckpointOptions = {}) {
    super('The task goes on in another delivery.');
    Object.defineProperty(this, checkpointBrand, { value: true });
    this.state = checkedState(stringifyJson(state, 'state'));
    this.delayMs = parseDuration(delay) * 1000;
  }
}

export function isCheckpoint(error: unknown): error is Checkpoint {
  try {
    return typeof error === 'object' && error !== null && Object.hasOwn(error, checkpointBrand);
  } catch {
    return false; // a revoked proxy: handlers may throw anything
  }
}

function checkedState(text: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes <= longestState) return text;
  throw new CeleriacError('ERR_MESSAGE_TOO_LARGE', {
    message: `The state of a checkpoint has at most ${longestState} bytes as JSON; this one has ${bytes}.`,
    hint: 'Store it elsewhere, and keep where in the checkpoint.',
    values: { bytes, limit: longestState },
  });
}
