/** Types of workflows, checked by the compiler only: what one gives has to be what the next takes. */
import { bindTask, chain, chord, createPublisher, defineTask, group, signature } from '@celeriac/publisher';

const double = defineTask({ name: 'double', input: { type: 'integer' }, output: { type: 'integer' } });
const print = defineTask({ name: 'print', input: { type: 'string' }, output: { type: 'boolean' } });
const sum = defineTask({
  name: 'sum',
  input: { type: 'array', items: { type: 'integer' } },
  output: { type: 'integer' },
});
const charge = defineTask({
  name: 'charge',
  input: {
    type: 'object',
    properties: { amount: { type: 'integer' }, account: { type: 'string' } },
    required: ['amount', 'account'],
    additionalProperties: false,
  },
  output: { type: 'string' },
});

/** Never called. */
export async function workflows(): Promise<void> {
  const client = await createPublisher();

  const number: number = await (
    await client.sendWorkflow(chain(signature(double, 1), signature(double), signature(double)))
  ).result();
  const text = chain(signature(double, 1), signature(charge, { account: 'a' }), signature(print));
  const flag: boolean = await (await client.sendWorkflow(text)).result();
  const both = await (
    await client.sendWorkflow(group([signature(double, 1), signature(print, 'a')]))
  ).result();
  used(number, flag, both satisfies readonly [number, boolean]);
  const joined = chord([signature(double, 1), signature(double, 2)], signature(sum));
  used((await (await client.sendWorkflow(joined)).result()) satisfies number);
  const inside = chain(signature(double, 1), group([signature(double), signature(double)]), signature(sum));
  used((await (await client.sendWorkflow(inside)).result()) satisfies number);
  const whatever = chain(signature(double, 1), signature(print, 'a', { immutable: true }));
  used((await (await client.sendWorkflow(whatever)).result()) satisfies boolean);
  const named = chain(signature<undefined, number>('by.name', [1]), signature(double));
  used((await (await client.sendWorkflow(named)).result()) satisfies number);

  // @ts-expect-error -- a number is no text
  chain(signature(double, 1), signature(print));
  // @ts-expect-error -- it has all it takes already
  chain(signature(double, 1), signature(double, 2));
  // @ts-expect-error -- the body takes a list of numbers
  chord([signature(print, 'a')], signature(sum));
  // @ts-expect-error -- it still needs its input
  await client.sendWorkflow(signature(double));
  // @ts-expect-error -- amount is a number
  signature(charge, { account: 'a', amount: 'much' });
}

/** Never called. Celery's names give and take the same types. */
export async function celeryNames(): Promise<void> {
  const client = await createPublisher();
  const doubled = client.task(double);
  const charged = client.task(charge);
  const named = client.task('by.name');

  used((await (await doubled.delay(1)).result()) satisfies number);
  used(
    (await (
      await charged.applyAsync({ amount: 1, account: 'a' }, { countdown: '10s' })
    ).result()) satisfies string,
  );
  const whole = chain(doubled.s(1), doubled.s(), charged.s({ account: 'a' }), client.task(print).s());
  used((await (await client.sendWorkflow(whole)).result()) satisfies boolean);
  used(
    (await (
      await client.sendWorkflow(chain(doubled.s(1), charged.si({ amount: 1, account: 'a' })))
    ).result()) satisfies string,
  );
  used((await (await client.sendWorkflow(doubled.map([1, 2]))).result()) satisfies number[]);
  used((await (await named.delay(1, 'two')).result()) satisfies unknown);
  used(named.s<number>(1), bindTask(double, client).delay(1), bindTask('by.name', client).delay());

  // @ts-expect-error -- a number, not text
  await doubled.delay('1');
  // @ts-expect-error -- account is missing
  await charged.applyAsync({ amount: 1 });
  // @ts-expect-error -- amount is missing
  charged.si({ account: 'a' });
  // @ts-expect-error -- a number is no text
  chain(doubled.s(1), client.task(print).s());
  // @ts-expect-error -- it still needs its input
  await client.sendWorkflow(doubled.s());
}

function used(..._values: readonly unknown[]): void {}
