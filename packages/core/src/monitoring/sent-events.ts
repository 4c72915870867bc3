/** Tells monitors of every task that was sent (Celery's `task_send_sent_event`). Sends no tasks, and never throws. */
import type { Clock } from '../clock.js';
import type { Config } from '../config/types.js';
import type { HeaderTable, TransientSink } from '../ports.js';
import {
  encodeMonitoringEvent,
  type EventSource,
  monitoringEvent,
  sentFields,
  type SentTo,
} from '../protocol/monitoring-events.js';

export interface SentEventsParts {
  readonly config: Pick<Config, 'tasks'>;
  readonly sink: TransientSink;
  readonly clock: Clock;
  /** `gen<pid>@<host>`. */
  readonly origin: string;
}

export class SentEvents {
  #exchange: string;
  #sink: TransientSink;
  #source: EventSource;
  /** Receivers do not look at it: senders are no part of the cluster's order. */
  #count = 0;

  constructor({ config, sink, clock, origin }: SentEventsParts) {
    this.#exchange = config.tasks.event_exchange;
    this.#sink = sink;
    const forward = (): number => ++this.#count;
    this.#source = { hostname: origin, pid: process.pid, forward, now: () => clock.now() };
  }

  tell(headers: HeaderTable, sent: SentTo): void {
    const event = monitoringEvent('task-sent', sentFields(headers, sent), this.#source);
    this.#sink.publish({ exchange: this.#exchange, ...encodeMonitoringEvent(event) });
  }
}

/** Undefined unless `tasks.send_sent_event`: then nothing is told, and nothing is spent on it. */
export function openSentEvents(parts: SentEventsParts): SentEvents | undefined {
  return parts.config.tasks.send_sent_event ? new SentEvents(parts) : undefined;
}
