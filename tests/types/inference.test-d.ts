/** Types of publisher and worker, checked by the compiler only: a wrong input or handler does not compile. */
import { createPublisher, defineEvent, defineEvents, defineTask, resultsOf } from '@celeriac/publisher';
import { createWorker, eventsMatching } from '@celeriac/worker';
import { Type } from 'typebox';
import { z } from 'zod';

const literal = defineTask({
  name: 'literal',
  input: {
    type: 'object',
    properties: { account: { type: 'string' }, amount: { type: 'integer' } },
    required: ['account', 'amount'],
    additionalProperties: false,
  },
  output: { type: 'integer' },
});
const boxed = defineTask({
  name: 'boxed',
  input: Type.Object({ account: Type.String() }),
  output: Type.Boolean(),
});
const converted = defineTask({
  name: 'converted',
  input: z.object({ when: z.string().transform((text) => new Date(text)) }),
  output: z.object({ year: z.number() }),
});
const event = defineEvent({
  object: 'deal',
  action: 'update',
  values: {
    type: 'object',
    properties: { name: { type: 'string' } },
    required: ['name'],
    additionalProperties: false,
  },
});

const visits = defineEvents({
  object: 'visit',
  values: z.object({ at: z.string().transform((text) => new Date(text)), place: z.string() }),
});

export const limited = defineTask({
  name: 'limited',
  input: {
    type: 'object',
    properties: { account: { type: 'string' }, amount: { type: 'integer' } },
    required: ['account', 'amount'],
    additionalProperties: false,
  },
  rateLimit: { limit: 10, per: '1m', key: (input) => input.account },
  concurrency: { max: 2, key: ({ amount }) => amount },
});
export const limitedWrongly = defineTask({
  name: 'limited',
  input: Type.Object({ account: Type.String() }),
  // @ts-expect-error -- there is no such property
  rateLimit: { limit: 10, per: '1m', key: (input) => input.acount as string },
});

function used(..._values: unknown[]): void {
  // That they have their types is the test.
}

/** Never called: to be compiled is the test. */
export async function publisher(): Promise<void> {
  const client = await createPublisher();
  await client.send(literal, { account: 'a', amount: 1 });
  await client.send(boxed, { account: 'a' });
  await client.send(converted, { when: '2026-11-25' });
  await client.send('by.name', [1, { anything: true }]);
  await client.sendMany(boxed, [{ account: 'a' }, { account: 'b' }]);

  const sum: number = await (
    await client.send(literal, { account: 'a', amount: 1 })
  ).result({ timeout: '1s' });
  const year: { year: number } = await (await client.send(converted, { when: '2026-11-25' })).result();
  const anything: unknown = await (await client.send('by.name')).result();
  for await (const one of resultsOf(await client.sendMany(boxed, [{ account: 'a' }]))) {
    if (one.status === 'fulfilled') used(one.value satisfies boolean);
  }
  // @ts-expect-error -- it returns a number
  const text: string = await (await client.send(literal, { account: 'a', amount: 1 })).result();
  used(sum, year, anything, text);

  // @ts-expect-error -- amount is missing
  await client.send(literal, { account: 'a' });
  // @ts-expect-error -- amount is a number
  await client.send(literal, { account: 'a', amount: '1' });
  // @ts-expect-error -- there is no such property
  await client.send(literal, { account: 'a', amount: 1, more: true });
  // @ts-expect-error -- account is a text
  await client.send(boxed, { account: 1 });
  // @ts-expect-error -- senders pass what the schema takes, not what it makes of it
  await client.send(converted, { when: new Date() });
  // @ts-expect-error -- one of the inputs is wrong
  await client.sendMany(boxed, [{ account: 'a' }, { account: 2 }]);
  // @ts-expect-error -- there is no such option
  await client.send(literal, { account: 'a', amount: 1 }, { prioritty: 1 });

  await client.publishEvent(event, { id: 1, values: { name: 'a' } });
  // @ts-expect-error -- name is a text
  await client.publishEvent(event, { id: 1, values: { name: 1 } });
  const visit = { at: '2026-11-25', place: 'here' };
  await client.publishEvent(visits.updated, { id: 1, values: visit, originalValues: { place: 'there' } });
  // @ts-expect-error -- at is a text for senders
  await client.publishEvent(visits.created, { id: 1, values: { ...visit, at: new Date() } });
  // @ts-expect-error -- place is a text, before the change as well
  await client.publishEvent(visits.updated, { id: 1, values: visit, originalValues: { place: 1 } });
  // @ts-expect-error -- a pattern cannot be published
  await client.publishEvent(visits.any, { id: 1, values: visit });
}

/** Never called. */
export function worker(): void {
  const one = createWorker();
  one.task(literal, ({ account, amount }, { signal, attempt }) => {
    const text: string = account;
    const wait: boolean = signal.aborted;
    return text.length + amount + attempt + Number(wait);
  });
  one.task(boxed, async ({ account }) => Promise.resolve(account === 'a'));
  one.task(converted, ({ when }) => ({ year: when.getFullYear() }));
  one.task('by.name', (a: number, b: string) => `${a}${b}`);

  one.task(boxed, () => true, { rateLimit: { limit: 1, per: '1s', key: ({ account }) => account } });
  one.task('by.name', (a: number) => a, { concurrency: { max: 1, key: ([a]) => String(a) } });
  one.task('by.name', (a: number) => a, { rateLimit: '10/m', killSwitch: { failures: 0.5 } });
  // @ts-expect-error -- there is no such scope
  one.task('by.name', (a: number) => a, { rateLimit: { limit: 1, per: '1s', scope: 'planet' } });

  // @ts-expect-error -- it returns text, but the contract's output is a number
  one.task(literal, () => 'done');
  // @ts-expect-error -- when is a Date here
  one.task(converted, ({ when }: { when: string }) => ({ year: when.length }));
  // @ts-expect-error -- there is no such property
  one.task(boxed, ({ acount }: { acount: string }) => acount === 'a');
}

/** Never called. */
export function eventHandlers(): void {
  const crm = createWorker().application('crm');
  crm.on(visits.any, ({ values, originalValues, action }) => {
    used(values?.at satisfies Date | undefined, originalValues?.at satisfies string | undefined, action);
    // @ts-expect-error -- there is no such value
    used(values?.plaice);
    // @ts-expect-error -- nor was there before
    used(originalValues?.plaice);
  });
  crm.on(event, ({ values }) => used(values?.name satisfies string | undefined));
  crm.on(eventsMatching('*.deleted'), ({ values, originalValues }) => {
    used(values satisfies unknown, originalValues?.anything satisfies unknown);
    // @ts-expect-error -- its kind of object is not known
    used(values?.name);
  });
  crm.batch(visits.any, { size: 10, wait: '1s' }, (batch) => {
    for (const { values } of batch) used(values?.at satisfies Date | undefined);
  });
  // @ts-expect-error -- a family is not an event: one of its events, or any
  crm.on(visits, () => undefined);
}
