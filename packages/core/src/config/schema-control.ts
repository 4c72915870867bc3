/** The keys of remote control: of those who ask, and of workers that are asked. Data only. */
import { longestDelaySeconds } from '../policy/delay.js';
import { choice, duration, type Extra, type SchemaNode, text, whole } from './schema-node.js';

/** Of `tasks`; `name` is what an exchange may be called. */
export function cancelling(name: Extra): Readonly<Record<string, SchemaNode>> {
  return {
    control_exchange: text(
      "What the exchanges of remote control start with (Celery's `control_exchange`): `<name>.pidbox` and `reply.<name>.pidbox`.",
      { default: 'celery', ...name, maxLength: 200 },
    ),
    cancel_expiry: duration(
      'How long a cancellation is remembered, unless the call says how long; a task that waits longer runs after all.',
      [1, longestDelaySeconds],
      { default: '3h' },
    ),
    max_cancelled: whole('Cancellations that are remembered; beyond that the oldest are forgotten.', 1, {
      default: 50_000,
      maximum: 200_000,
      'x-unit': 'tasks',
    }),
  };
}

/** Of `task_handler`. */
export function remoteControl(name: Extra): Readonly<Record<string, SchemaNode>> {
  return {
    remote_control: choice(
      'What a worker does when told over the broker: `off` is nothing, `read` answers questions and cancels tasks by id, `full` also changes and stops the worker.',
      ['off', 'read', 'full'],
      { default: 'read' },
    ),
    node_name: text('Name of the worker in remote control; `%h` is the host, `%p` the process id.', {
      ...name,
      maxLength: 150,
      'x-default': '`<service>-<process id>@<host>`',
    }),
  };
}
