/** Commands that only ask: what the worker runs, knows, consumes and is. Celery's names, and its older ones. */
import { printableConfig } from '@celeriac/core';

import { builtInNames } from '../built-in-tasks.js';
import type { WorkHeld } from '../work-in-hand.js';
import {
  type CommandArguments,
  type Commands,
  type ControlledWorker,
  ok,
  type Run,
  textArgument,
} from './command.js';
import { applicationInfo, queueInfo, requestInfo, statsInfo, taskAttributes } from './describe.js';

const isActive = ({ running }: WorkHeld): boolean => running !== undefined;

function infos(worker: ControlledWorker, args: CommandArguments, wanted: (held: WorkHeld) => boolean) {
  const options = { node: worker.node, safe: Boolean(args.safe), pools: worker.pools() };
  return worker.inHand
    .tasks()
    .filter(wanted)
    .map((held) => requestInfo(held, options));
}

const active: Run = (worker, args) => infos(worker, args, isActive);
const reserved: Run = (worker, args) => infos(worker, args, (held) => !isActive(held));
/** What has an eta waits in the broker, never here. */
const scheduled: Run = () => [];
const revoked: Run = ({ revocations }) => revocations.ids();
const registered: Run = (worker, { builtins, taskinfoitems }) => {
  const wanted = Array.isArray(taskinfoitems) && taskinfoitems.length > 0 ? taskinfoitems : ['rate_limit'];
  const own = worker.tasks.names.map((name) => {
    const known = taskAttributes(worker, name);
    const shown = Object.entries(known).filter(
      ([item, value]) => wanted.includes(item) && value !== undefined,
    );
    return shown.length === 0
      ? name
      : `${name} [${shown.map(([item, value]) => `${item}=${value}`).join(' ')}]`;
  });
  return builtins === true ? [...own, ...builtInNames].sort() : own;
};

const queryTask: Run = (worker, { ids }) => {
  const wanted = new Set([ids].flat());
  const options = { node: worker.node, safe: false, pools: worker.pools() };
  const found = worker.inHand.tasks().filter(({ work }) => wanted.has(work.id));
  return Object.fromEntries(
    found.map((held) => [held.work.id, [isActive(held) ? 'active' : 'reserved', requestInfo(held, options)]]),
  );
};

/** The configuration key by key, as `tasks.default_queue`. Without passwords. */
const conf: Run = ({ config }) => Object.fromEntries(flat(printableConfig(config), ''));

function flat(value: unknown, path: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([key, one]) => flat(one, path === '' ? key : `${path}.${key}`));
}

const report: Run = (worker, args) => {
  const lines = Object.entries(conf(worker, args) as Record<string, unknown>).map(
    ([key, value]) => `${key}: ${JSON.stringify(value)}`,
  );
  const software = `software -> celeriac node:${process.versions.node} ${process.platform} ${process.arch}`;
  return ok([software, `tasks -> ${worker.tasks.names.join(', ')}`, '', ...lines].join('\n'));
};

/** What another node says when it starts (Celery's mingle): it gets what is cancelled here, and tells what is there. */
const hello: Run = (worker, args) => {
  const from = textArgument(args, 'from_node');
  const { lamport, revocations, logger, node } = worker;
  if (from === node) {
    // Its own is not heard: another one has the name.
    logger.warn(sameName(node), { node });
    return null;
  }
  logger.debug('another worker says hello', { from });
  if (typeof args.revoked === 'object' && args.revoked !== null) revocations.add(Object.keys(args.revoked));
  return { revoked: revocations.forCelery(), clock: lamport.forward() };
};

export function sameName(node: string): string {
  return `another worker is called '${node}' as well: answers of both look alike; set task_handler.node_name`;
}

/** Ours. With `refresh`, after another look at the list of applications: how a worker is told of a pause. */
const applications: Run = async (worker, { refresh }) => {
  if (refresh === true) await worker.pauses.read();
  return Object.fromEntries(
    [...worker.applications].map(([name, capsule]) => [
      name,
      applicationInfo(capsule, worker.inHand.events()),
    ]),
  );
};

export const questions: Commands = {
  ping: { level: 'read', run: () => ok('pong') },
  active: { level: 'read', run: active },
  dump_active: { level: 'read', run: active },
  reserved: { level: 'read', run: reserved },
  dump_reserved: { level: 'read', run: reserved },
  scheduled: { level: 'read', run: scheduled },
  dump_schedule: { level: 'read', run: scheduled },
  revoked: { level: 'read', run: revoked },
  dump_revoked: { level: 'read', run: revoked },
  registered: { level: 'read', run: registered },
  dump_tasks: { level: 'read', run: registered },
  active_queues: { level: 'read', run: (worker) => worker.queues.plans.map(queueInfo) },
  stats: { level: 'read', run: statsInfo },
  conf: { level: 'read', run: conf },
  dump_conf: { level: 'read', run: conf },
  report: { level: 'read', run: report },
  clock: { level: 'read', run: ({ lamport }) => ({ clock: lamport.value }) },
  applications: { level: 'read', run: applications },
  query_task: { level: 'read', run: queryTask },
  hello: { level: 'read', run: hello },
};
