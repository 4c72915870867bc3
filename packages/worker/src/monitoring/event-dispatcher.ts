/**
 * Tells monitors what a worker and its tasks do, as Celery's event dispatcher does: worker events one by one, task events
 * together. Never waits and never throws; keeps nothing beyond this turn of the event loop.
 */
import {
  encodeMonitoringEvent,
  encodeTaskEvents,
  type EventFields,
  type EventSource,
  monitoringEvent,
  type MonitoringEvent,
  type TransientSink,
} from '@celeriac/core';

export interface EventDispatcherParts {
  readonly sink: TransientSink;
  /** `tasks.event_exchange`. */
  readonly exchange: string;
  readonly source: EventSource;
}

/** Celery's own figure. */
const mostTogether = 24;

export class EventDispatcher {
  #parts: EventDispatcherParts;
  #together: MonitoringEvent[] = [];

  constructor(parts: EventDispatcherParts) {
    this.#parts = parts;
  }

  /** Told now, after the task events that came before it. */
  tell(type: string, fields: EventFields): void {
    this.flush();
    const { sink, exchange, source } = this.#parts;
    sink.publish({ exchange, ...encodeMonitoringEvent(monitoringEvent(type, fields, source)) });
  }

  /** Told with others, at the end of this turn of the event loop at the latest. */
  tellOfTask(type: string, fields: EventFields): void {
    this.#together.push(monitoringEvent(type, fields, this.#parts.source));
    if (this.#together.length >= mostTogether) this.flush();
    else if (this.#together.length === 1) setImmediate(() => this.flush());
  }

  flush(): void {
    const events = this.#together;
    if (events.length === 0) return;
    this.#together = [];
    const { sink, exchange } = this.#parts;
    sink.publish({ exchange, ...encodeTaskEvents(events) });
  }
}
