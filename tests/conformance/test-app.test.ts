/**
 * What `@celeriac/testing` says of a handler is what a worker over a broker does: the same messages both ways, and the
 * same outcome, verdict and dead letter.
 */

import { type ConfigInput, stringifyJson } from '@celeriac/core';
import { createPublisher, defineEvent, defineTask } from '@celeriac/publisher';
import { type RawMessage, type RunResult, type TestApp, testApp } from '@celeriac/testing';
import { createWorker, currentTask, type Settled, type Worker } from '@celeriac/worker';
import { expect } from 'chai';

import { waitFor } from '../support/wait-for.js';
import { onEveryBroker, type Opened } from './subjects.js';

const charge = defineTask({
  name: 'billing.charge',
  input: { type: 'object', properties: { orderId: { type: 'string' } }, required: ['orderId'] },
});
const dealUpdated = defineEvent({
  object: 'deal',
  action: 'update',
  values: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
});
const dealKey = 'core.limeobject.deal.update.v1';

function register(worker: Worker): void {
  worker.task(charge, ({ orderId }) => `charged ${orderId}`);
  worker.task('fail', () => {
    throw new RangeError('no');
  });
  worker.task('fail.oddly', () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- handlers may throw anything
    throw { odd: true };
  });
  worker.task('slow', async () => {
    const { signal } = currentTask()!;
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    signal.throwIfAborted();
  });
  const crm = worker.application('crm');
  crm.on(dealUpdated, () => undefined);
  crm.on('fail.#', () => {
    throw new Error('boom');
  });
}

/** A message, as both ways can be given it. */
type Given =
  | { readonly task: string; readonly input?: unknown; readonly options?: { timeLimit: { soft: string } } }
  | { readonly raw: RawMessage };

const task = (body: string, more: Partial<RawMessage> = {}): Given => ({
  raw: { body, headers: { task: 'billing.charge', id: 'm1' }, ...more },
});
const event = (routingKey: string, body: string): Given => ({
  raw: { application: 'crm', routingKey, body, properties: { messageId: 'e1' } },
});
const cloudEvent = (type: string, data: unknown): string =>
  stringifyJson({ specversion: '1.0', id: 'e1', source: 's', type, data });
const expired = { task: 'billing.charge', id: 'm1', expires: '2020-01-01T00:00:00Z' };

const cases: Readonly<Record<string, Given>> = {
  'a task that succeeds': { task: 'billing.charge', input: { orderId: '7' } },
  'a task that throws': { task: 'fail' },
  'a task that throws something odd': { task: 'fail.oddly' },
  'a task over its soft time limit': { task: 'slow', options: { timeLimit: { soft: '50ms' } } },
  'an input that breaks its contract': { task: 'billing.charge', input: { orderId: 7 } },
  'arguments that the contract cannot take': { task: 'billing.charge', input: ['a', 'b', 'c'] },
  'a task nobody registered': { task: 'billing.refund', input: [1] },
  'a body that is no JSON': task('{'),
  'a body of another shape': task('{"a":1}'),
  'a body that is too deep': task(`${'['.repeat(100)}${']'.repeat(100)}`),
  'a body of another media type': task('[[],{},{}]', { contentType: 'application/x-yaml' }),
  'a body of another encoding': task('[[],{},{}]', { contentEncoding: 'utf-16' }),
  'headers without an id': task('[[],{},{}]', { headers: { task: 'billing.charge' } }),
  'a header of the wrong type': task('[[],{},{}]', {
    headers: { task: 'billing.charge', id: 'm1', retries: 'x' },
  }),
  'a message that has expired': task('[[],{"orderId":"7"},{}]', { headers: expired }),
  'an event that succeeds': event(dealKey, cloudEvent(dealKey, { id: 7, values: { name: 'x' } })),
  'an event whose values break the contract': event(dealKey, cloudEvent(dealKey, { id: 7, values: {} })),
  'an event without a handler': event('other', cloudEvent('other', {})),
  'an event whose handler throws': event('fail.now', cloudEvent('fail.now', {})),
  'an event that is none': event(dealKey, '[1]'),
};

/** What must be the same both ways. */
interface Summary {
  readonly name: string | undefined;
  readonly outcome: string;
  readonly verdict: string;
  readonly queue: string;
  readonly error: string | undefined;
  readonly letter: { readonly headers: Record<string, unknown>; readonly body: string } | undefined;
}

const compared = [
  'reason',
  'reason-detail',
  'error-type',
  'error',
  'queue',
  'exchange',
  'routing-key',
  'redelivered',
];

function letterOf(headers: Readonly<Record<string, unknown>>, body: Buffer): Summary['letter'] {
  const kept = compared.map((name) => [name, headers[`celeriac-${name}`]] as const);
  return { headers: Object.fromEntries(kept), body: body.toString() };
}

function errorOf(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  const { code, name } = error as { code?: string; name?: string };
  return code ?? name ?? typeof error;
}

/** The first way: in memory. */
async function inTestApp(app: TestApp, given: Given): Promise<Summary> {
  const result: RunResult =
    'raw' in given ? await app.deliver(given.raw) : await app.run(given.task, given.input, given.options);
  const { name, status, verdict, queue, error, deadLetter } = result;
  const letter = deadLetter && letterOf(deadLetter.headers, deadLetter.body);
  return { name, outcome: status, verdict: verdict.kind, queue, error: errorOf(error), letter };
}

/** As anyone may publish it, past our own encoding. */
async function publishRaw({ channel }: Opened, queue: string, given: RawMessage): Promise<void> {
  const { application, body, headers, properties, routingKey = queue, contentType, contentEncoding } = given;
  const isEvent = application !== undefined;
  if (isEvent) await channel.bindQueue(queue, 'celeriac.events', routingKey);
  channel.publish(isEvent ? 'celeriac.events' : '', routingKey, Buffer.from(body as string), {
    ...properties,
    contentType: contentType ?? (isEvent ? 'application/cloudevents+json' : 'application/json'),
    contentEncoding: contentEncoding ?? 'utf-8',
    headers,
    persistent: true,
  });
  await channel.waitForConfirms();
}

/** The second way: a worker that consumes from a broker. */
async function overBroker(opened: Opened, given: Given): Promise<Summary> {
  const { subject, channel } = opened;
  const config: ConfigInput = { service: 'test', events: { connection_string: subject.url } };
  await using worker = createWorker({ config, env: {} });
  register(worker);
  const settled: Settled[] = [];
  worker.on('settled', (one) => settled.push(one));
  const { queues, applications } = await worker.start();
  if ('raw' in given) {
    const [first] = given.raw.application === undefined ? queues : applications.map(({ queue }) => queue);
    await publishRaw(opened, first ?? '', given.raw);
  } else {
    await using publisher = await createPublisher({ config, env: {} });
    await publisher.send(given.task, given.input, given.options);
  }
  const one = await waitFor(() => settled[0], { what: 'the delivery to be settled' });
  const letter = await channel.get(`${one.queue}.dead-letter`, { noAck: true });
  return {
    name: one.name,
    outcome: one.outcome.kind,
    verdict: one.verdict.kind,
    queue: one.queue,
    error: errorOf('error' in one.outcome ? one.outcome.error : undefined),
    letter: letter === false ? undefined : letterOf(letter.properties.headers ?? {}, letter.content),
  };
}

onEveryBroker('a test app judges as a worker does', (opened) => {
  for (const [title, given] of Object.entries(cases)) {
    it(title, async () => {
      await using app = await testApp({ register, config: { service: 'test' } });

      const inMemory = await inTestApp(app, given);
      const real = await overBroker(opened(), given);

      expect(inMemory).to.deep.equal(real);
    });
  }
});
