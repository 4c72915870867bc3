/** Rows of the chaos table in which the network between processes and broker resets, swallows or is taken away. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

import { seededRandom } from '@celeriac/core';

import { run as runProgram } from '../processes.js';
import type { Direction } from '../tcp-proxy.js';
import { TcpProxy } from '../tcp-proxy.js';
import { waitFor } from '../wait-for.js';
import { mixedLoad, plainLoad } from './load.js';
import { reportOf, type Row, type RowOptions, type RowReport, type Sites, underLoad } from './row.js';
import { ChaosRun } from './run.js';
import type { NodeSite } from './site.js';

const onNode = ({ node }: Sites) => node();

/** The connections that are open carry nothing that way any more, for ever; new ones do. */
async function half(run: ChaosRun, { proxy }: NodeSite, direction: Direction): Promise<void> {
  const from = Date.now();
  proxy.hold(direction);
  proxy.release();
  const { workers, publishers } = run.fleet;
  const noticed = async (): Promise<boolean> => {
    const entries = await run.ledger.refresh();
    const lost = entries.filter(({ what, at }) => what === 'lost' && at > from).map(({ who }) => who);
    return new Set(lost).size === workers.length + publishers.length;
  };
  await waitFor(noticed, { what: 'everybody to notice', every: 100 });
  const took = Date.now() - from;
  if (took > 20_000) run.broken.push(`noticed after ${took} ms`);
}

async function open(pid: number): Promise<number> {
  return (await runProgram('ls', [`/proc/${pid}/fd`])).trim().split('\n').length;
}

const space = 'celeriac-chaos';
const [inside, outside] = ['10.199.7.2', '10.199.7.1'];

function ip(...args: string[]): Promise<string> {
  return runProgram('ip', args);
}

/** Workers live in a network namespace of their own, at the other end of a cable. */
async function behindACable({ sites, repetitions, seed, say }: RowOptions): Promise<RowReport> {
  const site = await sites.node();
  await ip('netns', 'add', space);
  try {
    await ip('link', 'add', 'celchaos0', 'type', 'veth', 'peer', 'name', 'celchaos1', 'netns', space);
    await ip('addr', 'add', `${outside}/30`, 'dev', 'celchaos0');
    await ip('link', 'set', 'celchaos0', 'up');
    await ip('netns', 'exec', space, 'ip', 'addr', 'add', `${inside}/30`, 'dev', 'celchaos1');
    await ip('netns', 'exec', space, 'ip', 'link', 'set', 'celchaos1', 'up');
    await using proxy = await TcpProxy.start(site.node().port, outside);
    await using run = await ChaosRun.open({
      ...{ site, seed, load: plainLoad, random: seededRandom(seed), label: '11' },
      workersBy: ['ip', 'netns', 'exec', space],
      url: (index) =>
        index < plainLoad.workers ? `amqp://guest:guest@${outside}:${proxy.port}//` : site.url(index),
    });
    for (let index = 0; index < repetitions; index++) {
      await run.strike(async () => {
        await ip('link', 'set', 'celchaos0', 'down');
        await waitFor(async () => (await run.view.queue(run.queue))?.consumerCount === 0, {
          what: 'the broker to give them up',
        });
        await sleep(5_000); // the rest of the outage
        await ip('link', 'set', 'celchaos0', 'up');
      });
      say(`${index + 1}/${repetitions}`);
    }
    return reportOf(await run.reckon());
  } finally {
    await ip('netns', 'del', space);
  }
}

export const networkRows: readonly Row[] = [
  underLoad({
    number: 8,
    title: 'nothing comes back from the broker any more, silently (heartbeat 5 s)',
    repetitions: 10,
    site: onNode,
    fault: (run, site) => half(run, site, 'to-client'),
  }),
  underLoad({
    number: 9,
    title: 'nothing reaches the broker any more, silently (heartbeat 5 s)',
    repetitions: 10,
    site: onNode,
    fault: (run, site) => half(run, site, 'to-server'),
  }),
  underLoad({
    number: 10,
    title: 'all connections are reset, five times within seconds',
    repetitions: 10,
    each: 5,
    site: onNode,
    load: mixedLoad,
    fault: async ({ random }, { proxy }) => {
      for (let n = 0; n < 5; n++) {
        proxy.reset();
        await sleep(200 + random() * 1_500);
      }
    },
  }),
  {
    number: 11,
    title: 'the cable to the workers is pulled (`ip link set … down`) until they are given up, and 5 s more',
    repetitions: 5,
    cannot: () =>
      spawnSync('ip', ['netns', 'list']).status === 0 && process.getuid?.() === 0
        ? undefined
        : 'no network namespaces here, or not root',
    run: behindACable,
  },
  underLoad({
    number: 13,
    title: 'the kernel closes every socket of the clients (`ss -K`)',
    repetitions: 20,
    cannot: () =>
      process.getuid?.() === 0 && spawnSync('ss', ['-V']).status === 0 ? undefined : 'no `ss`, or not root',
    site: onNode,
    fault: async (run, { proxy }) => {
      const killed = await runProgram('ss', [
        '-K',
        '-t',
        '-H',
        'dst',
        '127.0.0.1',
        'dport',
        '=',
        `:${proxy.port}`,
      ]);
      if (killed.trim() === '') run.broken.push('the kernel closed nothing');
    },
  }),
  underLoad({
    number: 53,
    title: 'connections are reset again and again: file descriptors and memory stay',
    repetitions: 200,
    site: onNode,
    load: { publishers: 1, workers: 1, perSecond: 50 },
    fault: async (run, { proxy }, index) => {
      const [pid, other] = [run.fleet.workers[0]!.running.pid, run.fleet.publishers[0]!.running.pid];
      if (index === 10) for (const one of [pid, other]) before.set(one, await open(one));
      for (const one of [pid, other]) {
        const grown = (await open(one)) - (before.get(one) ?? Infinity);
        if (grown > 10) run.broken.push(`${grown} more file descriptors after ${index} resets`);
      }
      proxy.reset();
    },
  }),
];

/** Process id → file descriptors after the first few resets. */
const before = new Map<number, number>();
