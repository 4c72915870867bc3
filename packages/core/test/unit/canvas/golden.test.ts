/** Workflows as captured from Celery 5.2.6 and 5.6.3: read, and written as Celery wrote them. */
import { readFileSync } from 'node:fs';

import { expect } from 'chai';

import { chain, chord, chunks, group, map, starmap } from '../../../dist/canvas/compose.js';
import { type AnySignature, signature, signatureFrom } from '../../../dist/canvas/signature.js';
import { SignatureSender } from '../../../dist/canvas/workflow-sender.js';
import { systemClock } from '../../../dist/clock.js';
import { loadConfig } from '../../../dist/config/load.js';
import type { PreparedTask } from '../../../dist/prepared.js';
import { readSignature, type WireSignature } from '../../../dist/protocol/canvas.js';

interface Captured {
  readonly properties: { readonly headers: Record<string, unknown>; readonly reply_to: string };
  readonly body: [unknown[], Record<string, unknown>, Record<string, unknown>];
}

function fixture<T>(name: string): T {
  const url = new URL(`../../../test/fixtures/celery/${name}`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as T;
}

const add = (...args: number[]): AnySignature => signature('tasks.add', args);
const mul = (...args: number[]): AnySignature => signature('tasks.mul', args);
const tsum = signature('tasks.tsum');

/** Sends, and gives the messages. Ids are those given, in the order in which they are asked for. */
async function sent(workflow: WireSignature, ids: readonly string[], replyTo: string): Promise<Captured[]> {
  const messages: PreparedTask[] = [];
  const given = [...ids];
  const sender = new SignatureSender({
    config: await loadConfig({}, { env: {} }),
    clock: systemClock,
    newId: () => given.shift() ?? 'none is left',
    origin: 'gen1@host',
    replies: { replyTo },
    chords: () => Promise.resolve({ expect: () => Promise.resolve() }),
    tasks: { sendPrepared: (task) => Promise.resolve(void messages.push(task)) },
  });
  await sender.send(workflow);
  return messages.map(({ properties, body }) => ({
    properties: { headers: { ...properties.headers }, reply_to: properties.replyTo ?? '' },
    body: JSON.parse(body.toString()) as Captured['body'],
  }));
}

const unreadBy: Readonly<Record<string, readonly string[]>> = {
  'celery.chord': ['task_id'],
  'celery.group': ['chord', 'root_id', 'parent_id'],
};

/** Options that only a sender in Python sets, and that it reads as if they were not there. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const { task, options, ...rest } = value as { task?: string; options?: Record<string, unknown> };
  const all = Object.fromEntries(Object.entries(rest).map(([key, one]) => [key, plain(one)]));
  if (task === undefined || options === undefined) return { ...value, ...all };
  const unread = unreadBy[task] ?? [];
  const left = Object.fromEntries(Object.entries(options).filter(([key]) => !unread.includes(key)));
  return { task, ...all, options: plain(left) };
}

for (const version of ['5.2.6', '5.6.3']) {
  const { signatures } = fixture<{ signatures: Record<string, Record<string, unknown>> }>(
    `signatures-${version}.json`,
  );
  const { scenarios } = fixture<{ scenarios: Record<string, Captured[]> }>(`canvas-${version}.json`);
  const messagesOf = (name: string): Captured[] => scenarios[name] as Captured[];
  const idOf = (name: string, index: number): string =>
    String(messagesOf(name)[index]?.properties.headers.id);

  describe(`signatures of Celery ${version}`, () => {
    const built: Record<string, AnySignature> = {
      signature: add(1, 2),
      immutable: add(1, 2).set({ immutable: true }),
      with_options: add(1).set({ countdown: 10, queue: 'q2', priority: 3 }),
      link: add(1, 2).link(mul(3)).linkError(signature('tasks.onerr')),
      chain: chain([add(1, 2), mul(3)]),
      group: group([add(1, 2), mul(3, 4)]),
      chord: chord([add(1, 2), mul(3, 4)], tsum),
      task_then_group: chain([add(1, 2), group([add(5), mul(6)])]),
      map: map('tasks.add', [1, 2]),
      starmap: starmap('tasks.add', [[1, 2]]),
      chunks: chunks(
        'tasks.add',
        [
          [1, 1],
          [2, 2],
          [3, 3],
        ],
        2,
      ),
    };

    for (const [name, one] of Object.entries(built)) {
      it(`are written as it writes them: ${name}`, () => {
        expect(JSON.parse(JSON.stringify(one))).to.deep.equal(signatures[name]);
      });
    }

    it('are read and written again without a difference', () => {
      for (const [name, one] of Object.entries(signatures)) {
        if (name === 'version') continue;
        expect(JSON.parse(JSON.stringify(signatureFrom(one))), name).to.deep.equal(one);
        expect(readSignature(one).task).to.equal(one.task);
      }
    });
  });

  describe(`workflows of Celery ${version}`, () => {
    async function expectLike(name: string, workflow: AnySignature, how: { ids: string[]; count: number }) {
      const captured = messagesOf(name).slice(0, how.count);
      const replyTo = captured[0]?.properties.reply_to ?? '';
      const messages = await sent(workflow.wire, how.ids, replyTo);
      expect(messages.length).to.equal(how.count);
      for (const [index, message] of messages.entries()) {
        const theirs = captured[index] as Captured;
        const [args, kwargs, embed] = theirs.body;
        expect(plain(message.body)).to.deep.equal([args, kwargs, plain(embed)]);
        for (const key of ['task', 'id', 'group', 'group_index', 'root_id', 'parent_id', 'retries'])
          expect(message.properties.headers[key], key).to.deep.equal(theirs.properties.headers[key]);
      }
    }

    it('begin with the same message: chain', async () => {
      const ids = [0, 1, 2].map((index) => idOf('chain', index));
      const steps = [add(1, 2), mul(3), add(7, 8).set({ immutable: true })];
      await expectLike('chain', chain(steps), { ids, count: 1 });
    });

    it('begin with the same messages: callbacks', async () => {
      const linked = add(2, 2)
        .link(mul(10))
        .link(mul(3, 3).set({ immutable: true }));
      await expectLike('link_multi', linked, { ids: [idOf('link_multi', 0)], count: 1 });
    });

    it('begin with the same message: a group in a chain', async () => {
      const [first] = messagesOf('chain_group') as [Captured];
      const [element] = first.body[2].chain as [{ kwargs: { header: { options: { task_id: string } } } }];
      const groupId = element.kwargs.header.options.task_id;
      const ids = [
        idOf('chain_group', 0),
        groupId,
        idOf('chain_group', 3),
        idOf('chain_group', 1),
        idOf('chain_group', 2),
      ];
      const steps = [add(1, 1), group([add(5), mul(5)]), tsum];
      await expectLike('chain_group', chain(steps), { ids, count: 1 });
    });

    // Celery 5.2 sends no places in plain groups, nor the group of a chord's body.
    if (version === '5.6.3') {
      it('begin with the same messages: group', async () => {
        const groupId = String(messagesOf('group')[0]?.properties.headers.group);
        const ids = [groupId, idOf('group', 0), idOf('group', 1)];
        await expectLike('group', group([add(1, 1), add(2, 2)]), { ids, count: 2 });
      });

      it('begin with the same messages: chord', async () => {
        const groupId = String(messagesOf('chord')[0]?.properties.headers.group);
        const ids = [groupId, idOf('chord', 3), idOf('chord', 0), idOf('chord', 1), idOf('chord', 2)];
        await expectLike('chord', chord([add(1, 1), add(2, 2), mul(3, 3)], tsum), { ids, count: 3 });
      });
    }
  });
}
