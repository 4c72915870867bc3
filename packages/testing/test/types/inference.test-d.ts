/** Types that tests rely on: checked by the compiler, never run. */
import { defineEvent, defineTask, type EventSender, type TaskSender } from '@celeriac/publisher';

import { type TestApp, type TestPublisher, virtualClock } from '../../dist/index.js';
import { startBroker } from '@celeriac/dev-broker';
import { createWorker } from '@celeriac/worker';

const charge = defineTask({
  name: 'charge',
  input: {
    type: 'object',
    properties: { id: { type: 'string' } },
    required: ['id'],
    additionalProperties: false,
  },
  output: { type: 'number' },
});
const dealUpdated = defineEvent({
  object: 'deal',
  action: 'update',
  values: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
});

export async function inferred(app: TestApp, publisher: TestPublisher): Promise<unknown> {
  const output: number = (await app.run(charge, { id: '1' })).expectSucceeded();
  // @ts-expect-error -- the contract's input
  await app.run(charge, { id: 1 });
  // @ts-expect-error -- the contract's output is a number
  const text: string = (await app.run(charge, { id: '1' })).expectSucceeded();
  const id: string = app.expectSent(charge, {}).input.id;
  // @ts-expect-error -- no such member
  app.expectSent(charge, { misspelt: '1' });
  app.expectSent(charge, (input) => input.id.startsWith('1'), { times: 1 });
  const name: string | undefined = app.expectPublished(dealUpdated, { values: { name: 'x' } }).values?.name;
  // @ts-expect-error -- the values' own type
  app.expectPublished(dealUpdated, { values: { name: 1 } });
  // @ts-expect-error -- the values' own type
  await app.publishEvent(dealUpdated, { id: 1, values: {} });
  app.expectNothingSent(charge);
  app.expectNothingPublished(dealUpdated);
  const sender: TaskSender & EventSender = publisher;
  return [output, text, id, name, sender];
}

/** One clock for everything. */
export async function shared(): Promise<unknown> {
  const clock = virtualClock();
  return [createWorker({ clock }), await startBroker({ clock })];
}
