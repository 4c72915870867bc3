/** An application under test: a task that validates and may throw, one that does nothing, and an event handler. */
import { defineEvent, defineTask, type Worker } from '@celeriac/worker';

export const charge = defineTask({
  name: 'billing.charge',
  input: {
    type: 'object',
    properties: { orderId: { type: 'string' }, amount: { type: 'number' } },
    required: ['orderId', 'amount'],
    additionalProperties: false,
  },
  output: { type: 'string' },
});
export const mail = defineTask({ name: 'mail.send', queue: 'mail' });
export const dealUpdated = defineEvent({
  object: 'deal',
  action: 'update',
  values: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
});

export function register(worker: Worker): void {
  worker.task(charge, ({ orderId, amount }) => {
    if (amount < 0) throw new RangeError('an amount is positive');
    return `charged ${orderId}`;
  });
  worker.task(mail, () => undefined);
  worker.application('crm').on(dealUpdated, () => undefined);
}
