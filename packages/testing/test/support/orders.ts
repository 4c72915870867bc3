/** An application under test: tasks that send, and one that counts down. */
import { defineEvent, defineTask, type Worker } from '@celeriac/worker';

export const place = defineTask({
  name: 'orders.place',
  input: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
});
export const mail = defineTask({
  name: 'mail.send',
  queue: 'mail',
  input: {
    type: 'object',
    properties: { to: { type: 'string' }, lines: { type: 'array', items: { type: 'string' } } },
    required: ['to'],
  },
});
export const count = defineTask({ name: 'count.down', input: { type: 'number' } });
export const dealUpdated = defineEvent({
  object: 'deal',
  action: 'update',
  values: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
});

export function register(worker: Worker): void {
  worker.task(place, async ({ id }, { tasks, events }) => {
    await tasks.send(mail, { to: `${id}@example.com`, lines: ['hello', 'world'] });
    await events.publishEvent(dealUpdated, { id: 7, values: { name: id }, originalValues: { name: 'old' } });
  });
  worker.task(count, async (left, { tasks }) => {
    if (left > 0) await tasks.send(count, left - 1);
  });
}
