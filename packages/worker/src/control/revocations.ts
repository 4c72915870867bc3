/**
 * The tasks that a worker must not run: by id, or by stamp. Bounded: what is over is forgotten, and the oldest where
 * there are too many. Hears nothing and runs nothing itself.
 */
import type { CancelledTask, Clock, TaskMessage } from '@celeriac/core';

export interface RevocationLimits {
  /** Milliseconds an entry lives that says nothing else. */
  readonly expiryMs: number;
  /** Most ids, and most stamps. */
  readonly most: number;
}

/** Longer ones belong to no task: AMQP carries an id as a short string. */
const longestId = 255;

export class Revocations {
  #clock: Clock;
  #limits: RevocationLimits;
  /** To when it is forgotten; in order of arrival. */
  #ids = new Map<string, number>();
  /** `name\0value`. */
  #stamps = new Map<string, number>();

  constructor(clock: Clock, limits: RevocationLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** False costs nothing to ask before every task. */
  get isEmpty(): boolean {
    return this.#ids.size === 0 && this.#stamps.size === 0;
  }

  /** `until` is milliseconds since the epoch. Default: the limit's expiry from now. A later one wins. */
  add(ids: readonly string[], until: number = this.#defaultUntil()): void {
    for (const id of ids) {
      if (id === '' || id.length > longestId) continue;
      const known = this.#ids.get(id) ?? 0;
      this.#ids.delete(id);
      this.#ids.set(id, Math.max(known, until));
    }
    this.#bound(this.#ids);
  }

  addAll(tasks: readonly CancelledTask[]): void {
    for (const { id, until } of tasks) this.add([id], until);
  }

  /** Celery's stamps: name to value, or to a list of values. */
  addStamps(stamps: Readonly<Record<string, unknown>>): void {
    const until = this.#defaultUntil();
    for (const stamp of stampsOf(stamps)) this.#stamps.set(stamp, until);
    this.#bound(this.#stamps);
  }

  has({ id, stamps }: Pick<TaskMessage, 'id' | 'stamps'>): boolean {
    return this.#lives(this.#ids, id) || this.#hasStamp(stamps);
  }

  ids(): readonly string[] {
    return [...this.#ids.keys()].filter((id) => this.#lives(this.#ids, id));
  }

  /**
   * The ids, as Celery's workers tell them to one another: `{id: [when, id]}`. `when` is a time of the receiver's
   * monotonic clock, which nobody here knows; a zero is taken there for now, and any other time of ours for one that may
   * be over. It has to be a float, or the whole message is refused: -0 is `-0.0` in JSON, and 0 is not.
   *
   * Source: celery/utils/collections.py (`LimitedSet.update`, `add`, `purge`), celery/worker/control.py (`hello`).
   */
  forCelery(): Readonly<Record<string, readonly [when: number, id: string]>> {
    return Object.fromEntries(this.ids().map((id) => [id, [-0, id] as const]));
  }

  #hasStamp(stamps: TaskMessage['stamps']): boolean {
    if (stamps === undefined || this.#stamps.size === 0) return false;
    return stampsOf(stamps).some((stamp) => this.#lives(this.#stamps, stamp));
  }

  #lives(entries: Map<string, number>, key: string): boolean {
    const until = entries.get(key);
    if (until === undefined) return false;
    if (until > this.#clock.now()) return true;
    entries.delete(key);
    return false;
  }

  #defaultUntil(): number {
    return this.#clock.now() + this.#limits.expiryMs;
  }

  /** Those that are over first. */
  #bound(entries: Map<string, number>): void {
    const { most } = this.#limits;
    if (entries.size <= most) return;
    for (const key of entries.keys()) this.#lives(entries, key);
    for (const key of entries.keys()) {
      if (entries.size <= most) return;
      entries.delete(key);
    }
  }
}

function stampsOf(stamps: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(stamps).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name}\0${typeof one === 'string' ? one : JSON.stringify(one)}`),
  );
}
