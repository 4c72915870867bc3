/** An event as one line of text. Pure; knows the names of tasks that it was shown. */
import type { MonitoringEvent } from '@celeriac/core';

import { printable } from '../text.js';

/** In every event, or of no use in one line. */
const left = new Set([
  'type',
  'hostname',
  'timestamp',
  'utcoffset',
  'pid',
  'clock',
  'uuid',
  'name',
  'traceback',
]);
const mostNames = 4_096;
const longestValue = 200;

export class EventLines {
  /** Only the first events of a task carry its name. */
  #names = new Map<string, string>();

  /** `2026-11-25T04:09:00.698Z worker1@host task-received tasks.add[c969…] args=(2, 3) kwargs={} retries=0` */
  line(event: MonitoringEvent): string {
    const { timestamp, hostname, type } = event;
    const fields = Object.entries(event)
      .filter(([name, value]) => !left.has(name) && value !== null && value !== undefined)
      .map(([name, value]) => `${name}=${shown(value)}`);
    const words = [momentText(timestamp), hostname, type, ...this.#task(event), ...fields];
    return words.map(printable).join(' ');
  }

  #task({ uuid, name }: MonitoringEvent): readonly string[] {
    if (typeof uuid !== 'string') return [];
    if (typeof name === 'string') this.#remember(uuid, name);
    return [`${this.#names.get(uuid) ?? '?'}[${uuid}]`];
  }

  #remember(uuid: string, name: string): void {
    this.#names.delete(uuid);
    this.#names.set(uuid, name);
    const [oldest] = this.#names.keys();
    if (this.#names.size > mostNames && oldest !== undefined) this.#names.delete(oldest);
  }
}

function momentText(timestamp: number): string {
  const moment = new Date(timestamp * 1000);
  return Number.isNaN(moment.getTime()) ? String(timestamp) : moment.toISOString();
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value, bigints);
  return text.length <= longestValue ? text : `${text.slice(0, longestValue - 3)}...`;
}

/** JSON of JavaScript has none. */
function bigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
