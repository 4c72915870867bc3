/** Messages that no handler can be given. Each has to end in the dead-letter queue, once, and cost nothing else. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import type { GetMessage, Options } from 'amqplib';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedWorker } from '../support/clients.js';
import { waitFor } from '../support/wait-for.js';

const queue = 'tasks';
const deadLetters = 'tasks.dead-letter';
const json = { contentType: 'application/json', contentEncoding: 'utf-8' };

interface Bad {
  readonly id: string;
  readonly body: Buffer | string;
  readonly options?: Options.Publish;
}

function taskHeaders(id: string, task = 'add'): Record<string, unknown> {
  return { lang: 'py', task, id, root_id: id, argsrepr: '()', kwargsrepr: '{}', retries: 0 };
}

function bad(id: string, body: Buffer | string, options: Options.Publish = {}): Bad {
  return { id, body, options: { ...json, headers: taskHeaders(id), ...options, messageId: id } };
}

const embed = '{"callbacks":null,"errbacks":null,"chain":null,"chord":null}';
const everyBadOne: readonly Bad[] = [
  bad('cut-off', '{"a": "b'),
  bad('empty', ''),
  bad('not-utf8', Buffer.from([0xff, 0xfe])),
  { id: 'no-headers', body: `[[1, 2], {}, ${embed}]`, options: { ...json, messageId: 'no-headers' } },
  {
    id: 'no-content-type',
    body: `[[1, 2], {}, ${embed}`,
    options: { messageId: 'no-content-type', headers: taskHeaders('no-content-type') },
  },
  bad('pickle', Buffer.from('80049503000000000000004b012e', 'hex'), {
    contentType: 'application/x-python-serialize',
    contentEncoding: 'binary',
  }),
  bad('null', 'null'),
  bad('empty-list', '[]'),
  bad('args-no-list', `["no list", {}, ${embed}]`),
];
const unknownNames = ['no.such.task', '__proto__', 'constructor', 'toString'];

function startWorker(vhost: Vhost): WatchedWorker {
  const watched = new WatchedWorker(
    configFor(vhost.url, { task_handler: { queues: [queue], concurrency: 4 } }),
  );
  watched.worker.task('add', (a: number, b: number) => a + b);
  return watched;
}

async function send(vhost: Vhost, messages: readonly Bad[]): Promise<void> {
  const channel = await (await vhost.raw()).createConfirmChannel();
  for (const { body, options } of messages) channel.sendToQueue(queue, Buffer.from(body), options);
  await channel.waitForConfirms();
  await channel.close();
}

function valid(id: string): Bad {
  return bad(id, `[[1, 2], {}, ${embed}]`);
}

function reasons(letters: readonly GetMessage[]): Record<string, unknown> {
  return Object.fromEntries(
    letters.map(({ properties }) => [
      String(properties.messageId),
      properties.headers?.['celeriac-reason'] as unknown,
    ]),
  );
}

function expected(ids: readonly string[], reason: string): Record<string, string> {
  return Object.fromEntries(ids.map((id) => [id, reason]));
}

describe('messages that cannot be read', function () {
  before(function () {
    requireRabbit(this);
  });

  it('go to the dead-letter queue once each, before and after the worker has started, and a valid task runs', async () => {
    await using vhost = await Vhost.create();
    const first = startWorker(vhost);
    await first.worker.start(); // declares the queues
    await first.worker.stop();
    await send(vhost, [...everyBadOne, valid('valid-1')]);
    await using watched = startWorker(vhost);
    await watched.worker.start();
    await watched.untilSettled(everyBadOne.length + 1);
    await send(vhost, [...everyBadOne, valid('valid-2')]);

    const settled = await watched.untilSettled(2 * (everyBadOne.length + 1));

    const ran = settled.filter(({ outcome }) => outcome.kind === 'succeeded').map(({ id }) => id);
    expect(ran).to.deep.equal(['valid-1', 'valid-2']);
    const letters = await vhost.take(deadLetters);
    expect(letters).to.have.length(2 * everyBadOne.length);
    const ids = everyBadOne.map(({ id }) => id);
    expect(reasons(letters)).to.deep.equal(expected(ids, 'malformed'));
    expect(await vhost.depth(queue)).to.equal(0);
    expect(watched.lost).to.deep.equal([]);
    expect(watched.restored).to.deep.equal([1]);
    expect(watched.log.matching(/^dead-lettered/u)).to.have.length(2 * everyBadOne.length);
  });

  it('keep body, properties and headers in the dead-letter queue as they came', async () => {
    await using vhost = await Vhost.create();
    await using watched = startWorker(vhost);
    await watched.worker.start();
    const body = Buffer.from([0xff, 0xfe, 0x00]);
    await send(vhost, [bad('kept', body, { priority: 3, correlationId: 'c', expiration: '600000' })]);
    await watched.untilSettled(1);

    const [letter] = await vhost.take(deadLetters);

    expect(letter?.content).to.deep.equal(body);
    expect(letter?.properties).to.include({ correlationId: 'c', contentType: 'application/json' });
    expect(letter?.properties.expiration).to.equal(undefined); // else it could vanish unseen
    expect(letter?.properties.headers).to.include({
      task: 'add',
      id: 'kept',
      'celeriac-queue': queue,
      'celeriac-reason': 'malformed',
      'celeriac-expiration': '600000',
    });
  });

  it('of a task nobody registered are dead-lettered as unknown, whatever JavaScript calls by that name', async () => {
    await using vhost = await Vhost.create();
    await using watched = startWorker(vhost);
    await watched.worker.start();
    const messages = unknownNames.map((name) =>
      bad(name, `[[], {}, ${embed}]`, { headers: taskHeaders(name, name) }),
    );
    await send(vhost, [...messages, valid('valid')]);

    const settled = await watched.untilSettled(unknownNames.length + 1);

    expect(settled.filter(({ outcome }) => outcome.kind === 'succeeded').map(({ id }) => id)).to.deep.equal([
      'valid',
    ]);
    const letters = await vhost.take(deadLetters);
    expect(letters).to.have.length(unknownNames.length);
    expect(reasons(letters)).to.deep.equal(expected(unknownNames, 'unknown'));
  });

  it('do not cost the connection when py-amqp wrote a header larger than 32 bits', async function () {
    const python = '/usr/bin/python3';
    const run = promisify(execFile);
    const hasAmqp = await run(python, ['-c', 'import amqp']).then(
      () => true,
      () => false,
    );
    if (!hasAmqp) return this.skip();
    await using vhost = await Vhost.create();
    await using watched = startWorker(vhost);
    await watched.worker.start();
    const script = `
import amqp, sys
c = amqp.Connection(host='127.0.0.1:${vhost.rabbit.port}', userid='guest', password='guest', virtual_host='${vhost.name}')
c.connect()
ch = c.channel()
headers = {'task': 'add', 'id': 'big', 'lang': 'py', 'big': 2**40}
body = '[[1, 2], {}, {}]'
ch.basic_publish(amqp.Message(body, application_headers=headers, content_type='application/json',
    content_encoding='utf-8', correlation_id='big'), routing_key='${queue}')
c.close()
`;
    await run(python, ['-c', script]);
    await send(vhost, [valid('after')]);

    const settled = await watched.untilSettled(2);

    expect(settled.map(({ id, outcome }) => [id, outcome.kind])).to.have.deep.members([
      ['big', 'succeeded'],
      ['after', 'succeeded'],
    ]);
    expect(watched.lost).to.deep.equal([]);
  });

  it('find their dead-letter queue again when it was deleted meanwhile', async () => {
    await using vhost = await Vhost.create();
    await using watched = startWorker(vhost);
    await watched.worker.start();
    await send(vhost, [bad('one', 'null')]);
    await watched.untilSettled(1);
    const channel = await (await vhost.raw()).createChannel();
    await channel.deleteQueue(deadLetters);
    await send(vhost, [bad('two', 'null')]);

    await watched.untilSettled(2);

    await waitFor(async () => (await vhost.depth(deadLetters)) === 1, { what: 'the dead letter' });
    expect(reasons(await vhost.take(deadLetters))).to.deep.equal({ two: 'malformed' });
    expect(watched.lost).to.deep.equal([]);
  });
});
