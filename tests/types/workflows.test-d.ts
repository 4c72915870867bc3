/** Types of workflows, checked by the compiler only: what one gives has to be what the next takes. */
import { chain, chord, createPublisher, defineTask, group, signature } from '@celeriac/publisher';

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

function used(..._values: readonly unknown[]): void {}
