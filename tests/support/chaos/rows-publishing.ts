/** Rows of the chaos table about publishing alone: what cannot be routed, stored or finished, and where to connect. */
import { isCeleriacError } from '@celeriac/core';
import { createPublisher, type Publisher } from '@celeriac/publisher';
import amqp from 'amqplib';

import { freePorts } from '../free-port.js';
import { TcpProxy } from '../tcp-proxy.js';
import { sumOf } from './rows-delays.js';
import type { Row, RowOptions, RowReport } from './row.js';
import { type NodeSite, View } from './site.js';

const nothing: RowReport = {
  ...{ faults: 0, confirmed: 0, unknown: 0, refused: 0, lost: 0, again: 0, twice: 0, bound: 0, dead: 0 },
  ...{ abandoned: 0, publishGapMs: 0, workGapMs: 0, recoveredMs: 0, broken: [] },
};

let queues = 0;

function each(one: (options: { site: NodeSite; queue: string }) => Promise<Partial<RowReport>>): Row['run'] {
  return async ({ sites, repetitions, say }: RowOptions) => {
    const site = await sites.node();
    const reports: RowReport[] = [];
    for (let index = 0; index < repetitions; index++) {
      reports.push({ ...nothing, ...(await one({ site, queue: `chaos-publishing-${++queues}` })) });
      say(`${index + 1}/${repetitions}`);
    }
    return sumOf(reports);
  };
}

function open(url: string, queue: string): Promise<Publisher> {
  return createPublisher({
    config: {
      events: { connection_string: url, connect_timeout: '1s' },
      tasks: { default_queue: queue, queue_type: 'classic', max_unsettled_messages: 20_000 },
    },
    env: {},
  });
}

/** What became of each: `confirmed`, or the code of its error and what is known of the message. */
async function outcomes(sends: readonly Promise<unknown>[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { status, ...settled } of await Promise.allSettled(sends)) {
    const { reason } = settled as { reason?: unknown };
    const code = isCeleriacError(reason) ? `${reason.code} ${String(reason.values.outcome)}` : String(reason);
    const what = status === 'fulfilled' ? 'confirmed' : code;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return counts;
}

const told = (counts: Map<string, number>): string =>
  [...counts].map(([what, count]) => `${count} ${what}`).join(', ');

function expectCounts(counts: Map<string, number>, wanted: Record<string, number>): string[] {
  const differs = Object.entries(wanted).some(([what, count]) => counts.get(what) !== count);
  const isMore = counts.size > Object.keys(wanted).length;
  return differs || isMore ? [`${told(counts)}, where ${JSON.stringify(wanted)} was due`] : [];
}

export const publishingRows: readonly Row[] = [
  {
    number: 18,
    title: 'addresses: one that is silent, one that refuses, one that works (connect_timeout 1 s)',
    repetitions: 10,
    run: each(async ({ site, queue }) => {
      const [refused] = (await freePorts(1)) as [number];
      await using mute = await TcpProxy.start(site.node().port);
      mute.silence();
      const at = (port: number): string => `amqp://guest:guest@127.0.0.1:${port}//`;
      const publisher = await open(`${at(mute.port)};${at(refused)};${site.node().url}`, queue);
      const from = performance.now();
      await publisher.ready();
      const recoveredMs = performance.now() - from;
      await publisher.close();
      const broken = recoveredMs > 4_000 ? [`connected after ${recoveredMs} ms`] : [];
      return { faults: 1, recoveredMs, broken };
    }),
  },
  {
    number: 37,
    title: 'one in ten of 1,000 messages cannot be routed',
    repetitions: 5,
    run: each(async ({ site, queue }) => {
      const publisher = await open(site.node().url, queue);
      const send = (index: number): Promise<unknown> =>
        index % 10 === 0 ? publisher.publishEvent('nobody.cares', { index }) : publisher.send('t', [index]);
      const counts = await outcomes(Array.from({ length: 1_000 }, (_, index) => send(index)));
      await publisher.close();
      await using view = new View(site);
      const stored = (await view.take(queue)).length;
      const broken = expectCounts(counts, { confirmed: 900, 'ERR_PUBLISH_UNROUTABLE not-stored': 100 });
      return { faults: 100, confirmed: 900, refused: 100, lost: 900 - stored, broken };
    }),
  },
  {
    number: 38,
    title: 'a queue is full (`x-max-length` 100, `reject-publish`) for 1,000 messages',
    repetitions: 5,
    run: each(async ({ site, queue }) => {
      const raw = await amqp.connect(site.node().url);
      const args = { 'x-max-length': 100, 'x-overflow': 'reject-publish' };
      await (await raw.createChannel()).assertQueue(queue, { arguments: args });
      await raw.close();
      const publisher = await open(site.node().url, queue);
      const sends = Array.from({ length: 1_000 }, (_, index) => publisher.send('t', [index]));
      const counts = await outcomes(sends);
      await publisher.close();
      await using view = new View(site);
      const stored = (await view.take(queue)).length;
      const confirmed = counts.get('confirmed') ?? 0;
      const broken = [...counts.keys()].some(
        (what) => what !== 'confirmed' && !what.startsWith('ERR_PUBLISH_NACKED'),
      )
        ? [told(counts)]
        : [];
      if (stored !== confirmed) broken.push(`${confirmed} confirmed, ${stored} stored`);
      return {
        faults: 1,
        confirmed,
        refused: 1_000 - confirmed,
        lost: Math.max(0, confirmed - stored),
        broken,
      };
    }),
  },
  {
    number: 50,
    title: 'a publisher is closed with 10,000 sends on their way',
    repetitions: 5,
    run: each(async ({ site, queue }) => {
      const publisher = await open(site.node().url, queue);
      await publisher.send('t', []); // declares the queue
      const sends = Array.from({ length: 10_000 }, (_, index) => publisher.send('t', [index]));
      const settled = outcomes(sends);
      await sends[100]; // the others are on their way
      await publisher.close({ timeout: '50ms' });
      const counts = await settled;
      await using view = new View(site);
      const stored = (await view.take(queue)).length;
      const confirmed = (counts.get('confirmed') ?? 0) + 1;
      const lost = Math.max(0, confirmed - stored);
      return { faults: 1, confirmed, refused: 10_001 - confirmed, lost, note: told(counts) };
    }),
  },
];
