/** How much is sent and run in a chaos run, and of what kind. Values only. */

/** Of every message so many fail at first, always fail, or are delayed; the rest just runs. */
export interface Mix {
  readonly retries: number;
  readonly failures: number;
  readonly delays: { readonly share: number; readonly fromMs: number; readonly toMs: number };
}

export interface Load {
  readonly publishers: number;
  readonly workers: number;
  /** Of each publisher: sends at the same time, and per second. */
  readonly lanes: number;
  readonly perSecond: number;
  /** Each publisher stops after so many. Default: when it is told to. */
  readonly count?: number;
  /** Tasks of each worker at the same time. */
  readonly concurrency: number;
  /** A task takes between nothing and this. */
  readonly longestTaskMs: number;
  readonly mix: Mix;
  readonly queueType: 'quorum' | 'classic';
  /** Queue and arguments as Python's Celery has them. */
  readonly celery: boolean;
  /** Seconds, of publishers and workers. */
  readonly heartbeat: number;
  readonly publishTimeout: string;
  readonly graceSeconds: number;
  /** How far the clocks of workers are ahead of the true time. */
  readonly clockAheadMs: number;
}

/** Everything runs and ends. */
export const plainLoad: Load = {
  publishers: 2,
  workers: 2,
  lanes: 8,
  perSecond: 100,
  concurrency: 8,
  longestTaskMs: 20,
  mix: { retries: 0, failures: 0, delays: { share: 0, fromMs: 0, toMs: 0 } },
  queueType: 'quorum',
  celery: false,
  heartbeat: 5,
  publishTimeout: '60s',
  graceSeconds: 5,
  clockAheadMs: 0,
};

/** One in ten is tried again, one in twenty is delayed, one in a hundred is a dead letter. */
export const mixedLoad: Load = {
  ...plainLoad,
  mix: { retries: 0.1, failures: 0.01, delays: { share: 0.05, fromMs: 1000, toMs: 4000 } },
};
