/** The texts of a new project. Pure. What they say is run by a test of the packed packages. */
export type Language = 'typescript' | 'javascript';

interface Named {
  readonly name: string;
  readonly language: Language;
  readonly version: string;
}

/** What the compiler makes of `src/tasks.ts`, or the file itself. */
function built(language: Language, path: string): string {
  return language === 'typescript' ? `dist/${path}.js` : `${path}.js`;
}

export function manifestFile({ name, language, version }: Named): string {
  const isTyped = language === 'typescript';
  const build = isTyped ? 'tsc && ' : '';
  const tasks = built(language, 'src/tasks');
  const manifest = {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    engines: { node: '>=20.19.0' },
    scripts: {
      ...(isTyped ? { build: 'tsc', watch: 'tsc --watch --preserveWatchOutput' } : {}),
      dev: `${build}celeriac dev ${tasks}`,
      send: `${build}node ${built(language, 'src/send')}`,
      start: `celeriac worker --beat --require ${tasks}`,
      test: `${build}node --test ${built(language, 'test/tasks.test')}`,
    },
    dependencies: {
      '@celeriac/cli': version,
      '@celeriac/publisher': version,
      '@celeriac/worker': version,
    },
    devDependencies: {
      '@celeriac/testing': version,
      ...(isTyped ? { '@types/node': '^20.19.0', typescript: '^6.0.3' } : {}),
    },
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

export const typescriptFile: string = `${JSON.stringify(
  {
    compilerOptions: {
      target: 'es2022',
      module: 'nodenext',
      outDir: 'dist',
      rootDir: '.',
      strict: true,
      skipLibCheck: true,
      types: ['node'],
    },
    include: ['src', 'test'],
  },
  undefined,
  2,
)}\n`;

export const settingsFile = `# Every key: celeriac config print, celeriac schema
tasks:
  result_backend: rpc:// # results go back to the sender; redis://… keeps them

# Without a connection string the broker of \`celeriac dev\` is used. In production one has to be set, here or as
# CELERIAC_EVENTS__CONNECTION_STRING:
# events:
#   connection_string: amqp://guest@localhost//

beat:
  schedules:
    remind-every-morning:
      task: orders.remind
      cron: 0 7 * * *
`;

export const contractsFile = `// What the sides agree on: names, inputs, events. No handlers: a web service imports this and loads no worker.
import { defineEvent, defineTask } from '@celeriac/publisher';

export const charge = defineTask({
  name: 'orders.charge',
  input: {
    type: 'object',
    properties: { orderId: { type: 'string' }, amount: { type: 'integer', minimum: 1 } },
    required: ['orderId', 'amount'],
  },
});

export const remind = defineTask({ name: 'orders.remind' });

export const orderPaid = defineEvent({ object: 'order', action: 'update' });
`;

export function tasksFile(language: Language): string {
  const isTyped = language === 'typescript';
  const type = isTyped ? "import type { Worker } from '@celeriac/worker';\n\n" : '';
  const parameter = isTyped ? 'worker: Worker' : 'worker';
  const annotation = isTyped ? '' : "/** @param {import('@celeriac/worker').Worker} worker */\n";
  return `// What the worker runs. A task may run twice after a crash: what it does should bear that.
${type}import { charge, orderPaid, remind } from './contracts.js';

${annotation}export function register(${parameter}) {
  worker.task(
    charge,
    async ({ orderId, amount }, { events, logger }) => {
      if (orderId === 'lost') throw new Error('no such order');
      logger.info('charging', { orderId, amount });
      await events.publishEvent(orderPaid, { id: orderId, values: { paid: true } });
      return { receipt: \`receipt-\${orderId}\` };
    },
    { retry: { max: 3 } },
  );
  worker.task(remind, (_input, { logger }) => logger.info('reminding who has not paid'));
  worker.application('mailer').on(orderPaid, ({ objectId }, { logger }) => {
    logger.info('mailing the customer', { orderId: objectId });
  });
}
`;
}

export const sendFile = `// Sends a task and waits for what it returned. A web service keeps one publisher for as long as it runs.
import { createPublisher } from '@celeriac/publisher';

import { charge } from './contracts.js';

const publisher = await createPublisher({ config: 'celeriac.yaml' });
try {
  const receipt = await publisher.send(charge, { orderId: '7', amount: 1200 }, { timeout: '10s' });
  console.log('sent', receipt.id);
  console.log('returned', await receipt.result({ timeout: '10s' }));
} finally {
  await publisher.close();
}
`;

export const testFile = `// The real engine without a network: see @celeriac/testing.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { testApp } from '@celeriac/testing';

import { charge, orderPaid } from '../src/contracts.js';
import { register } from '../src/tasks.js';

test('charging gives a receipt and tells the others', async (t) => {
  const app = await testApp({ register });
  t.after(() => app.close());

  const result = await app.run(charge, { orderId: '7', amount: 1200 });

  assert.deepEqual(result.expectSucceeded(), { receipt: 'receipt-7' });
  app.expectPublished(orderPaid, { id: '7', values: { paid: true } });
});

test('an order that does not exist is tried again', async (t) => {
  const app = await testApp({ register });
  t.after(() => app.close());

  const result = await app.run(charge, { orderId: 'lost', amount: 1200 });

  result.expectRetried();
  app.expectNothingPublished();
});
`;

export function guideFile({ name, language }: Named): string {
  const isTyped = language === 'typescript';
  const extension = isTyped ? 'ts' : 'js';
  const watching = isTyped
    ? `\n\`dev\` starts the worker again when \`dist\` changes: \`npm run watch\`, in another terminal, keeps that up to date.\n`
    : `\n\`dev\` starts the worker again when a file of \`src\` changes.\n`;
  return `# ${name}

\`\`\`sh
npm install
npm test          # the handlers, without a network
npm run dev       # a broker for development, and the worker
npm run send      # in another terminal: sends a task and prints what it returned
\`\`\`
${watching}
- \`src/contracts.${extension}\`: tasks and events, for both sides
- \`src/tasks.${extension}\`: what the worker runs
- \`src/send.${extension}\`: how to send
- \`celeriac.yaml\`: settings and schedules

In production, against RabbitMQ: set \`CELERIAC_EVENTS__CONNECTION_STRING=amqp://…\`${isTyped ? ', `npm run build`' : ''}, then \`npm start\`. \`npx celeriac --help\` lists what else there is.
`;
}

export const ignoreFile = 'node_modules/\ndist/\n';
