/** What beat tells about itself. Types only. */
import type { CeleriacError } from '@celeriac/core';

export interface BeatEvents {
  /** This process sends what is due, from now on. */
  active: [];
  /** It does not any more: another one does, or none until it is connected again. */
  standby: [];
  /** The broker has confirmed a run. */
  sent: [Sent];
  /** Runs were missed, and are not sent. */
  missed: [Missed];
  /** A run was left out, as the last one, or another task with the same key, waits or goes on. */
  overlapped: [Overlapped];
  /** A run could not be sent; it is tried again, unless its input can never be sent. */
  failed: [Failed];
}

export interface Sent {
  readonly schedule: string;
  /** Of the message. */
  readonly id: string;
  /** When it was due; when it was asked for, if a command did. */
  readonly at: Date;
}

export interface Missed {
  readonly schedule: string;
  readonly count: number;
  /** The last of them. */
  readonly until: Date;
}

export interface Overlapped extends Sent {
  /** The message of the run that is under way. */
  readonly running: string;
}

export interface Failed extends Sent {
  readonly error: CeleriacError;
}

/** What beat does, for a banner or a log line. */
export interface BeatDescription {
  readonly queue: string;
  /** Brokers, without passwords. */
  readonly brokers: readonly string[];
  readonly schedules: readonly { readonly name: string; readonly task: string; readonly timing: string }[];
}
