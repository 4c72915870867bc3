/** Loading the configuration from files, objects and the environment, and what is said when it is wrong. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';

import { expect } from 'chai';

import { loadConfig, resolveConfig } from '../../../dist/config/load.js';
import { printableConfig } from '../../../dist/config/printable.js';
import type { Config } from '../../../dist/config/types.js';
import { failure, problems } from './failures.js';

const mission = `
events:
  connection_string: amqp://guest@localhost//
  consumer_heartbeat: 15        # seconds; AMQP heartbeat of consumer connections
  tcp_keepalive_timeout: 120    # seconds; idle time before TCP keepalive probes; publishers and consumers alike
`;

describe('loadConfig', () => {
  let folder = '';
  const file = async (content: string | Uint8Array, name = 'celeriac.yaml'): Promise<string> => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  const load = async (text: string, env: Record<string, string> = {}): Promise<Config> =>
    loadConfig(await file(text), { env });
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'celeriac-config-'));
  });
  after(() => rm(folder, { recursive: true }));

  it("reads the mission's document as it stands", async () => {
    const { events, tasks } = await load(mission);

    expect(events.connection_string.addresses[0]).to.include({
      hostname: 'localhost',
      port: 5672,
      username: 'guest',
      password: 'guest',
      vhost: '/',
    });
    expect(events).to.include({ consumer_heartbeat: 15, tcp_keepalive_timeout: 120 });
    expect(tasks.connection_string).to.equal(events.connection_string);
  });

  it('gives every default for an empty file, and takes an empty section for an absent one', async () => {
    const defaults = printableConfig(await resolveConfig({}, { env: {} }));

    expect(printableConfig(await load(''))).to.deep.equal(defaults);
    expect(printableConfig(await load('# nothing\nevents:\ntasks:\n  routes:\n'))).to.deep.equal(defaults);
  });

  it('reads JSON indented with tabs, by content and not by name', async () => {
    const path = await file('{\n\t"tasks": {\n\t\t"publish_timeout": "5m"\n\t}\n}\n', 'settings.conf');

    expect((await loadConfig(path, { env: {} })).tasks.publish_timeout).to.equal(300);
    expect((await loadConfig(pathToFileURL(path), { env: {} })).tasks.publish_timeout).to.equal(300);
  });

  // K21-4.
  it('takes ${F:false} for false, with F unset and with F=false', async () => {
    const text = 'tasks:\n  declare_queues: ${F:false}\n';

    expect((await load(text)).tasks.declare_queues).to.equal(false);
    expect((await load(text, { F: 'false' })).tasks.declare_queues).to.equal(false);
    expect((await load(text, { F: 'true' })).tasks.declare_queues).to.equal(true);
    expect(await problems(load(text, { F: 'no' }))).to.have.keys('tasks.declare_queues');
  });

  it('reports every wrong value at once, by path, with the value and what is allowed', async () => {
    const found = await problems(
      load(
        [
          'task_handler:',
          '  concurency: 4',
          '  concurrency: "4"',
          '  prefetch_count: 1.5',
          '  shutdown_grace: ${MISSING}',
          'tasks:',
          '  max_unsettled_messages: true',
          '  publish_timeout: yes',
          'event_handler:',
          '  prefetch_count: 0x1628',
          '  soft_time_limit: 10m',
          '  concurrency: 3',
          'tls: { cert: client.pem }',
        ].join('\n'),
      ),
    );

    expect(found).to.have.keys([
      'task_handler.concurency',
      'task_handler.concurrency',
      'task_handler.prefetch_count',
      'task_handler.shutdown_grace',
      'tasks.max_unsettled_messages',
      'tasks.publish_timeout',
      'event_handler.prefetch_count',
      'event_handler.concurrency',
      'tls.key',
    ]);
    expect(found['task_handler.concurency']).to.contain('Did you mean task_handler.concurrency?');
    expect(found['task_handler.concurrency']).to.match(/"4".*whole number from 1 to 65535/u);
    expect(found['task_handler.shutdown_grace']).to.contain('MISSING');
    expect(found['tasks.publish_timeout']).to.match(/"yes".*'10s'/u);
    expect(found['event_handler.concurrency']).to.contain('There is task_handler.concurrency.');
  });

  it('replaces variables inside a text, and keeps $${ as text', async () => {
    const text = 'events:\n  connection_string: amqp://me:${PW}@${HOST:localhost}/a%24$${b}\n';
    const config = await load(text, { PW: 's3cret' });

    expect(config.events.connection_string.addresses[0]).to.include({ password: 's3cret', vhost: 'a$${b}' });
  });

  it('names line and column of a duplicate key and of broken YAML, and quotes nothing of the file', async () => {
    const duplicate = await failure(
      load('tasks:\n  time_zone: UTC\n  time_zone: UTC\n'),
      'ERR_CONFIG_SYNTAX',
    );
    const broken = await failure(load('events: {a: "canary\nb: ]canary'), 'ERR_CONFIG_SYNTAX');

    expect(duplicate.values).to.include({ line: 3, column: 3 });
    expect(broken.values).to.include.keys('line', 'column');
    expect(inspect(broken, { depth: 9 })).not.to.contain('canary');
  });

  it('refuses alias bombs, custom tags, two documents, bad UTF-8 and files over 1 MiB', async () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]']
      .concat(
        ['b', 'c', 'd', 'e'].map((name, index) => `${name}: &${name} [${`*${'abcd'[index]!}, `.repeat(9)}]`),
      )
      .join('\n');

    for (const text of [
      bomb,
      'service: !!js/function x',
      'service: a\n---\nservice: b\n',
      `#${'x'.repeat(2 ** 20)}`,
    ])
      await failure(load(text), 'ERR_CONFIG_SYNTAX');
    await failure(loadConfig(await file(Buffer.from([0x61, 0x3a, 0xff])), { env: {} }), 'ERR_CONFIG_SYNTAX');
  });

  it('refuses a document that is not a map and says what it is', async () => {
    expect((await failure(load('- a\n'))).message).to.contain('a list');
    expect((await failure(load('amqp://me:canary@h'))).message)
      .to.contain('string')
      .and.not.to.contain('canary');
  });

  it('names path and errno of a file that cannot be read', async () => {
    const path = join(folder, 'absent.yaml');

    expect((await failure(loadConfig(path, { env: {} }), 'ERR_CONFIG_UNREADABLE')).values).to.deep.equal({
      path,
      errno: 'ENOENT',
    });
  });

  it('lets the environment win over the file, and overrides over the environment', async () => {
    const env = { CELERIAC_TASK_HANDLER__CONCURRENCY: '3', CELERIAC_TASK_HANDLER__QUEUES: 'a, b' };
    const path = await file('task_handler: { concurrency: 2, queues: [c], prefetch_count: 8 }');

    const { task_handler: fromEnv } = await loadConfig(path, { env });
    const overrides = { task_handler: { concurrency: 4 } };
    const { task_handler: overridden } = await loadConfig(path, { env, overrides });

    expect(fromEnv).to.deep.include({ concurrency: 3, queues: ['a', 'b'], prefetch_count: 8 });
    expect(overridden).to.deep.include({ concurrency: 4, queues: ['a', 'b'] });
  });

  it('keeps a text from the environment a text where the key is a text', async () => {
    const env = { CELERIAC_SERVICE: '007', CELERIAC_TASKS__ROUTES: '{"billing.*": "billing"}' };
    const config = await load('', env);

    expect(config.service).to.equal('007');
    expect(config.tasks.routes).to.deep.equal({ 'billing.*': 'billing' });
  });

  it('reads a secret from the file that a _FILE variable names, without its last newline', async () => {
    const env = { CELERIAC_EVENTS__CONNECTION_STRING_FILE: await file('amqp://me:pw@h/x\n', 'secret') };

    expect((await load('', env)).events.connection_string.addresses[0]).to.include({
      password: 'pw',
      vhost: 'x',
    });
    const both = { ...env, CELERIAC_EVENTS__CONNECTION_STRING: 'amqp://h' };
    expect(await problems(load('', both))).to.have.keys('CELERIAC_EVENTS__CONNECTION_STRING_FILE');
  });

  it('refuses a mistyped variable with a suggestion, and ignores those that Kubernetes sets', async () => {
    const found = await problems(
      load('', {
        CELERIAC_PORT: 'tcp://10.0.0.1:5672',
        CELERIAC_SERVICE_HOST: '10.0.0.1',
        CELERIAC_SERVICE_PORT: '5672',
        CELERIAC_PORT_5672_TCP_ADDR: '10.0.0.1',
        CELERIAC_EVENTS_CONNECTION_STRING: 'amqp://me:canary@h',
        CELERIAC_TASKS__TIME_ZONES: 'UTC',
        CELERIAC_TASKS____PROTO__: '{}',
      }),
    );

    expect(found).to.have.keys([
      'CELERIAC_EVENTS_CONNECTION_STRING',
      'CELERIAC_TASKS__TIME_ZONES',
      'CELERIAC_TASKS____PROTO__',
    ]);
    expect(found.CELERIAC_EVENTS_CONNECTION_STRING).to.contain('CELERIAC_EVENTS__CONNECTION_STRING?');
    expect(found.CELERIAC_TASKS__TIME_ZONES).to.contain('CELERIAC_TASKS__TIME_ZONE?');
  });

  it('leaves out a section of a schedule that nobody wrote: a cron is not also the sun', async () => {
    const { beat } = await load("beat: { schedules: { nightly: { task: t, cron: '0 2 * * *' } } }");

    expect(beat.schedules.nightly)
      .to.include({ task: 't', cron: '0 2 * * *' })
      .and.not.have.property('solar');
  });

  it('never shows a secret in an error, wherever it was put', async () => {
    const text = [
      'events: { connection_string: "amqp://me:canary#@h", password: canary, exchange: "amqp://me:canary@h{}" }',
      'tasks: { connection_string: [canary], publish_timeout: "${SECRET}" }',
      'logging: { level: "amqp://me:canary@h" }',
    ].join('\n');
    const error = await failure(load(text, { SECRET: 'canary', CELERIAC_LOGGING__FORMAT: 'canary' }));

    expect((error.values.problems as unknown[]).length).to.be.greaterThan(4);
    expect(
      [error.message, error.stack, inspect(error, { depth: 9 }), JSON.stringify(error)].join(),
    ).not.to.contain('canary');
  });
});
