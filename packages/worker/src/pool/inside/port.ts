/** The way to the parent, the same from a thread and from a process. A port. */
import type { FromChild, ToChild } from '../protocol.js';

export interface ParentPort {
  /** Never throws; a value that cannot be cloned is the caller's mistake. */
  send(message: FromChild): void;
  listen(listener: (message: ToChild) => void): void;
  /** Bytes: what `max_memory` is measured in here. */
  memory(): number;
  exit(): void;
}
