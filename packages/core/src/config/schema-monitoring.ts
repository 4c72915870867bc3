/** The keys of events for monitors: of who sends tasks, and of workers. Data only. */
import { duration, type Extra, flag, type SchemaNode, text } from './schema-node.js';

/** Of `tasks`; `name` is what an exchange may be called. */
export function sentEvents(name: Extra): Readonly<Record<string, SchemaNode>> {
  return {
    event_exchange: text(
      "Exchange that workers and senders tell monitors their events through (Celery's `event_exchange`).",
      { default: 'celeryev', ...name },
    ),
    send_sent_event: flag(
      "Tell monitors of every task that is sent (Celery's `task_send_sent_event`).",
      false,
    ),
  };
}

/** Of `task_handler`. */
export const workerEvents: Readonly<Record<string, SchemaNode>> = {
  send_events: flag(
    "Tell monitors of every task from the start (Celery's `worker_send_task_events`); remote control switches it on and off.",
    false,
  ),
  heartbeat_interval: duration(
    'How often a worker tells monitors and Python workers that it is alive; 0 tells nothing of the worker.',
    [0, 3600],
    { default: '2s' },
  ),
};
