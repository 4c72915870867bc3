/** Rows of the chaos table on a cluster of three nodes: leaders die, move and restart, and the majority goes. */
import { setTimeout as sleep } from 'node:timers/promises';

import { waitFor } from '../wait-for.js';
import { type Row, type Sites, underLoad } from './row.js';
import type { ChaosRun } from './run.js';
import type { ClusterSite } from './site.js';

const onCluster = ({ cluster }: Sites) => cluster();

/** As `rabbitmq-queues` does when it drains a node, for one queue. */
async function moveLeader(run: ChaosRun, { cluster }: ClusterSite): Promise<void> {
  const leader = await cluster.leader(run.queue);
  const others = cluster.nodes.filter((node) => node !== leader);
  const target = others[Math.floor(run.random() * others.length)]!;
  const answer = await leader.ctl(
    'eval',
    `{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"${run.queue}">>)),
     rabbit_quorum_queue:transfer_leadership(Q, '${target.name}').`,
  );
  if (!answer.startsWith('{migrated')) throw new Error(`the leader did not move: ${answer}`);
}

export const clusterRows: readonly Row[] = [
  underLoad({
    number: 15,
    title: 'the node of the queue’s leader is killed (SIGKILL) and started again',
    repetitions: 20,
    site: onCluster,
    fault: async (run, { cluster }) => {
      const leader = await cluster.leader(run.queue);
      await leader.crash();
      await run.flows(); // with two nodes
      await leader.up();
    },
  }),
  underLoad({
    number: 16,
    title: 'two of three nodes are killed, and started again',
    repetitions: 10,
    site: onCluster,
    load: { publishTimeout: '5s' },
    fault: async (run, { cluster }) => {
      const [one, ...others] = [...cluster.nodes].sort(() => run.random() - 0.5);
      await Promise.all(others.map((node) => node.crash()));
      const from = Date.now();
      // Not stored, or nobody knows: which of both depends on what the channel knew of the queue before.
      const failed = async (): Promise<boolean> =>
        (await run.ledger.refresh()).some(
          ({ what, at }) => (what === 'unknown' || what === 'refused') && at > from,
        );
      await waitFor(failed, { what: `sends by ${one!.name} to fail` });
      await sleep(5_000); // the rest of the outage
      await Promise.all(others.map((node) => node.up()));
    },
    check: ({ unknown, refused }) => (unknown + refused === 0 ? ['no send failed'] : []),
  }),
  underLoad({
    number: 17,
    title: 'the queue’s leader moves, its node is restarted, queues are rebalanced: in turn',
    repetitions: 12,
    site: onCluster,
    fault: async (run, site, index) => {
      if (index % 3 === 0) return moveLeader(run, site);
      if (index % 3 === 1) return (await site.cluster.leader(run.queue)).restart();
      return site.cluster.living.queues('rebalance', 'quorum');
    },
  }),
  underLoad({
    number: 24,
    title: 'the node of a classic queue is killed: its consumers are cancelled; started again',
    repetitions: 10,
    site: onCluster,
    load: { queueType: 'classic' },
    fault: async (run, { cluster }) => {
      const home = await cluster.leader(run.queue);
      await home.crash();
      await sleep(2_000); // the outage
      await home.up();
      run.boundOfOthers += run.load.workers * run.load.concurrency; // what was in hand when it was cancelled
    },
  }),
];
