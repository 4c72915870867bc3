/** The `beat` section as types. No code here. */
import type { Duration } from './duration.js';
import type { SolarEvent } from './schema-beat.js';

export type { SolarEvent };

/** Which of the runs that were missed are sent after all. */
export type CatchUp = 'none' | 'last' | 'all';

/** Whether a run is sent while the last one waits or goes on. */
export type Overlap = 'allow' | 'skip';

/** What the sun does at a place, by Celery's names. */
export interface SolarConfig {
  readonly event: SolarEvent;
  /** Degrees, -90 to 90; north is positive. */
  readonly latitude: number;
  /** Degrees, -180 to 180; east is positive. */
  readonly longitude: number;
}

export interface ScheduleConfig {
  readonly task: string;
  readonly args?: readonly unknown[] | undefined;
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined;
  readonly cron?: string | undefined;
  /** Seconds. */
  readonly every?: number | undefined;
  readonly solar?: SolarConfig | undefined;
  /** ISO 8601. */
  readonly at?: string | undefined;
  readonly time_zone?: string | undefined;
  /** Seconds. */
  readonly jitter: number;
  readonly catch_up: CatchUp;
  readonly catch_up_limit: number;
  readonly overlap: Overlap;
  /** Seconds. */
  readonly longest_run: number;
  readonly queue?: string | undefined;
  readonly priority?: number | undefined;
  /** Seconds. */
  readonly expires?: number | undefined;
}

export interface BeatConfig {
  readonly queue: string;
  /** Seconds. */
  readonly heartbeat: number;
  /** Seconds. */
  readonly missed_after: number;
  /** By name. */
  readonly schedules: Readonly<Record<string, ScheduleConfig>>;
}

type ScheduleDurations = 'every' | 'jitter' | 'expires' | 'longest_run';

/** A schedule as people write it. */
export type WrittenSchedule = Pick<ScheduleConfig, 'task'> & {
  readonly [Key in Exclude<keyof ScheduleConfig, 'task'>]?:
    (Key extends ScheduleDurations ? Duration : ScheduleConfig[Key]) | undefined;
};

export interface WrittenBeat {
  readonly queue?: string | undefined;
  readonly heartbeat?: number | undefined;
  readonly missed_after?: Duration | undefined;
  readonly schedules?: Readonly<Record<string, WrittenSchedule>> | undefined;
}
