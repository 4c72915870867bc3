/** Every request of remote control that was captured from Celery 5.2.6 and 5.6.3, and from Flower, is one that a worker answers. */
import { readFileSync } from 'node:fs';

import { decodeControlReply, decodeControlRequest, loadConfig, silentLogger } from '@celeriac/core';
import { expect } from 'chai';

import { answerRequest } from '../../../dist/control/answer-request.js';
import type { ControlledWorker } from '../../../dist/control/command.js';
import { Pauses } from '../../../dist/event-handler/pauses.js';
import { LogicalClock } from '../../../dist/control/logical-clock.js';
import { Revocations } from '../../../dist/control/revocations.js';
import { ToldLimits } from '../../../dist/control/told-limits.js';
import { GroupSizes } from '../../../dist/group-sizes.js';
import { TaskHandlers } from '../../../dist/handlers.js';
import { TaskQueues } from '../../../dist/task-queues.js';
import { WorkInHand } from '../../../dist/work-in-hand.js';
import { ManualClock } from '../../../../core/dist-test/support/manual-clock.js';

interface Captured {
  readonly exchange: string;
  readonly properties: { readonly headers: Record<string, unknown> };
  readonly body: Record<string, unknown>;
}

function fixture(name: string): Record<string, unknown> {
  const url = new URL(`../../../../core/test/fixtures/celery/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as Record<string, unknown>;
}

const commands = (name: string): Captured[] =>
  Object.values(fixture(name).commands as Record<string, Captured[]>).flat();
const captures: readonly (readonly [string, readonly Captured[]])[] = [
  ['Celery 5.2.6', commands('pidbox-5.2.6')],
  ['Celery 5.6.3', commands('pidbox-5.6.3')],
  ['Flower', fixture('flower-5.6.3').pidbox as Captured[]],
];
const received = ({ body, properties: { headers } }: Captured) => ({
  properties: { contentType: 'application/json', contentEncoding: 'utf-8', headers },
  body: Buffer.from(JSON.stringify(body)),
});
/** Python's memory, and what does not exist in Celery either. */
const notHere = new Set(['memsample', 'memdump', 'objgraph', 'no_such_cmd']);

describe('remote control as it was captured', () => {
  async function worker(): Promise<ControlledWorker> {
    const clock = new ManualClock();
    const config = await loadConfig({ task_handler: { remote_control: 'full' } }, { env: {} });
    const tasks = new TaskHandlers();
    const task = { contract: undefined, handler: () => undefined, isFromModule: false, options: {} };
    for (const name of ['tasks.add', 'tasks.sleep']) tasks.add({ ...task, name });
    return {
      ...{ node: 'worker1@host', config, clock, logger: silentLogger, startedAt: 0, groups: [], ports: {} },
      tasks,
      inHand: new WorkInHand(),
      revocations: new Revocations(clock, { expiryMs: 1000, most: 100 }),
      queues: new TaskQueues({ config, tasks, sizes: new GroupSizes() }),
      applications: new Map(),
      pauses: new Pauses({ list: () => Promise.resolve([]), capsules: new Map(), logger: silentLogger }),
      pools: () => [],
      shutdown: () => undefined,
      lamport: new LogicalClock(),
      told: new ToldLimits(tasks),
    };
  }

  for (const [whose, messages] of captures) {
    it(`of ${whose}: requests are read and known, and answers are read`, async () => {
      const controlled = await worker();
      const seen = new Set<string>();
      for (const message of messages) {
        if (message.exchange !== 'celery.pidbox') {
          const reply = decodeControlReply(received(message));
          if (!reply.ok) throw new Error(reply.problem);
          expect(reply.message.answers.map(({ node }) => node)).to.deep.equal(Object.keys(message.body));
          continue;
        }
        const decoded = decodeControlRequest(received(message));
        if (!decoded.ok) throw new Error(decoded.problem);
        const { method } = decoded.message;
        expect(method).to.equal(message.body.method);
        const answer = JSON.stringify((await answerRequest(controlled, decoded.message)) ?? null);
        seen.add(method);
        if (!notHere.has(method)) expect(answer, method).to.not.match(/KeyError|PermissionError/u);
      }
      expect(seen.size).to.be.greaterThan(8);
    });
  }
});
