/** The part of the configuration's schema that is about the key store. Data only. */
import { choice, duration, type SchemaNode, section, text } from './schema-node.js';

export const keyStore: SchemaNode = section(
  'What is remembered of idempotency keys, unique tasks and debounced ones.',
  {
    connection_string: text(
      'Where it is: `memory://` is this process alone; `redis://…`, or `rediss://…` for TLS, is shared by all that name it, and needs the package `ioredis`.',
      { default: 'memory://', 'x-kind': 'key_store' },
    ),
    when_unavailable: choice(
      'What to do while it does not answer: `run` goes on without it, so that things can run twice; `wait` leaves tasks in the broker and refuses to send what needs it.',
      ['run', 'wait'],
      { default: 'run' },
    ),
    lease: duration(
      'How long a task that runs with an idempotency key keeps others from it after its process died. Renewed while it runs.',
      [1, 86_400],
      { default: '30s' },
    ),
    command_timeout: duration('How long it may take to answer.', [0.01, 60], { default: '2s' }),
  },
);
