/** Commands that change something: cancelling tasks, and the worker itself. Answers are Celery's own texts. */
import { cancelUntil } from '@celeriac/core';

import { revoked } from '../revoked-error.js';
import type { WorkHeld } from '../work-in-hand.js';
import {
  type CommandArguments,
  type Commands,
  type ControlledWorker,
  ok,
  type Run,
  textArgument,
} from './command.js';
import { type ControlError, pythonError } from './control-error.js';

/** More are no list of tasks. */
const mostIds = 50_000;

const revoke: Run = (worker, args) => {
  const ids = idsOf(args);
  worker.revocations.add(ids, untilOf(args, worker));
  if (!isTrue(args.terminate)) {
    worker.logger.info('tasks are cancelled', { ids: shown(ids) });
    return ok(`tasks ${ids.join(', ')} flagged as revoked`);
  }
  const wanted = new Set(ids);
  const told = terminate(worker, ({ work }) => wanted.has(work.id));
  return ok(told.length === 0 ? 'terminate: tasks unknown' : `terminate: ${told.join(', ')}`);
};

const revokeByStamps: Run = (worker, { headers, ...args }) => {
  const stamps = stampsOf(headers);
  worker.revocations.addStamps(stamps);
  const text = JSON.stringify(stamps);
  if (!isTrue(args.terminate)) return ok(`headers ${text} flagged as revoked, but not terminated`);
  const told = terminate(
    worker,
    ({ work }) => work.message !== undefined && worker.revocations.has(work.message),
  );
  return ok(told.length === 0 ? `headers ${text} were not terminated` : `headers ${text} revoked`);
};

/** Tells what runs to stop; a thread or process that does not is ended by its pool. */
function terminate(worker: ControlledWorker, wanted: (held: WorkHeld) => boolean): readonly string[] {
  const found = worker.inHand.tasks().filter((held) => held.running !== undefined && wanted(held));
  for (const { work, running } of found) running?.cancellation.cancel('revoked', revoked(work));
  const ids = [...new Set(found.map(({ work }) => work.id))];
  worker.logger.info('tasks are told to stop', { ids: shown(ids) });
  return ids;
}

function idsOf({ task_id: given }: CommandArguments): readonly string[] {
  const ids = [given].flat().filter((id): id is string => typeof id === 'string' && id !== '');
  if (ids.length === 0 || ids.length > mostIds)
    throw pythonError('TypeError', "'task_id' has to be an id, or ids");
  return ids;
}

/** What our own callers say; Celery's say nothing. */
function untilOf(args: CommandArguments, { clock, config }: ControlledWorker): number {
  const seconds = args[cancelUntil];
  const until = typeof seconds === 'number' && Number.isFinite(seconds) ? seconds * 1000 : 0;
  return Math.max(until, clock.now() + config.tasks.cancel_expiry * 1000);
}

function stampsOf(headers: unknown): Readonly<Record<string, unknown>> {
  if (Array.isArray(headers)) {
    const pairs = headers.filter((one) => typeof one === 'string').map((pair) => pair.split(/=(.*)/su));
    return Object.fromEntries(pairs.map(([name = '', value = '']): [string, string] => [name, value]));
  }
  if (typeof headers === 'object' && headers !== null) return headers as Record<string, unknown>;
  throw pythonError('TypeError', "'headers' has to be a map of stamps");
}

/** Flower sends 1. */
function isTrue(value: unknown): boolean {
  return value === true || value === 1;
}

function shown(ids: readonly string[]): readonly string[] {
  return ids.slice(0, 20);
}

const addConsumer: Run = async (worker, args) => {
  const queue = textArgument(args, 'queue');
  await worker.queues.add(queue);
  worker.logger.info('told to consume a queue', { queue });
  return ok(`add consumer ${queue}`);
};

const cancelConsumer: Run = async (worker, args) => {
  const queue = textArgument(args, 'queue');
  const was = await worker.queues.cancel(queue);
  if (was) worker.logger.info('told to consume a queue no longer', { queue });
  return ok(`no longer consuming from ${queue}`);
};

const poolGrow: Run = async (worker, args) => {
  await grow(worker, countOf(args));
  return ok('pool will grow');
};

const poolShrink: Run = async (worker, args) => {
  await grow(worker, -countOf(args));
  return ok('pool will shrink');
};

async function grow({ queues, logger }: ControlledWorker, by: number): Promise<void> {
  await queues.grow(by);
  logger.info('told to change how many tasks run at once', { concurrency: queues.concurrency });
}

/** A pool without threads and processes answers as Celery does where it is not switched on. */
const autoscale: Run = async ({ queues, logger }, args) => {
  const size = await queues.autoscale(sizeArgument(args, 'max', 1), sizeArgument(args, 'min', 0));
  if (size === undefined) throw pythonError('ValueError', 'Autoscale not enabled');
  const { concurrency: max, minConcurrency: min } = size;
  logger.info('told how many threads or processes there are', { max, min });
  return ok(`autoscale now max=${max} min=${min}`);
};

/** Absent and None leave it as it is. */
function sizeArgument(args: CommandArguments, name: 'max' | 'min', least: number): number | undefined {
  const value = args[name] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value;
  throw pythonError('ValueError', `'${name}' has to be a whole number from ${least}`);
}

function countOf({ n = 1 }: CommandArguments): number {
  if (typeof n === 'number' && Number.isSafeInteger(n) && n > 0) return n;
  throw pythonError('ValueError', "'n' has to be a whole number above 0");
}

const shutdown: Run = (worker) => {
  worker.logger.info('told to shut down by remote control');
  worker.shutdown();
  return null;
};

const enableEvents: Run = ({ ports }) => {
  if (ports.enableEvents === undefined) throw notImplemented('enable_events');
  return ok(ports.enableEvents() ? 'task events enabled' : 'task events already enabled');
};

const disableEvents: Run = ({ ports }) => {
  if (ports.disableEvents === undefined) throw notImplemented('disable_events');
  return ok(ports.disableEvents() ? 'task events disabled' : 'task events already disabled');
};

const rateLimit: Run = ({ told, logger }, { rate_limit: limit, ...args }) => {
  const task = textArgument(args, 'task_name');
  const answer = told.tellRate(task, limit);
  logger.info('told how often a task starts', { task, limit });
  return ok(answer);
};

const timeLimit: Run = ({ told, logger }, { soft, hard, ...args }) => {
  const task = textArgument(args, 'task_name');
  const answer = told.tellTimes(task, { soft, hard });
  logger.info('told how long a task runs at most', { task, soft, hard });
  return ok(answer);
};

/** What Celery answers for a pool that cannot. */
function notImplemented(command: string): ControlError {
  return pythonError('NotImplementedError', `this worker has no ${command}`);
}

/** The handlers' own modules are loaded anew, and no others: `modules` is a stranger's list. Inline: as Celery answers. */
const poolRestart: Run = ({ queues, logger }) => {
  if (!queues.restart()) throw pythonError('ValueError', 'Pool restarts not enabled');
  logger.info('told to replace threads or processes');
  return ok('reload started');
};

export const actions: Commands = {
  revoke: { level: 'read', run: revoke },
  terminate: { level: 'read', run: (worker, args) => revoke(worker, { ...args, terminate: true }) },
  revoke_by_stamped_headers: { level: 'full', run: revokeByStamps },
  rate_limit: { level: 'full', run: rateLimit },
  time_limit: { level: 'full', run: timeLimit },
  pool_grow: { level: 'full', run: poolGrow },
  pool_shrink: { level: 'full', run: poolShrink },
  pool_restart: { level: 'full', run: poolRestart },
  autoscale: { level: 'full', run: autoscale },
  add_consumer: { level: 'full', run: addConsumer },
  cancel_consumer: { level: 'full', run: cancelConsumer },
  enable_events: { level: 'read', run: enableEvents },
  disable_events: { level: 'read', run: disableEvents },
  heartbeat: { level: 'read', run: ({ ports }) => (ports.heartbeat?.(), null) },
  election: { level: 'read', run: () => null },
  shutdown: { level: 'full', run: shutdown },
};
