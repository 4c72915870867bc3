/** What a worker says of its tasks, queues and pools, in the form that Celery's and Flower's readers expect. Pure. */
import {
  type ApplicationAnswer,
  argsRepr,
  type Config,
  type Duration,
  type EventMessage,
  hiddenArgs,
  hiddenKwargs,
  kwargsRepr,
  limitsOf,
  parseDuration,
  stringifyJson,
  type TaskMessage,
  type Topology,
} from '@celeriac/core';

import type { Capsule } from '../capsule.js';
import type { QueuePlan } from '../capsule-plan.js';
import type { RegisteredTask } from '../handlers.js';
import type { PoolStats } from '../pool/pool.js';
import type { WorkHeld } from '../work-in-hand.js';
import type { Answer, ControlledWorker } from './command.js';
import { rateText, type ToldTimes } from './told-limits.js';

/** Larger arguments are shown as Python would print them, cut short: an answer is no place for megabytes. */
const mostArguments = 4_096;

export interface RequestInfoOptions {
  readonly node: string;
  /** Arguments as texts. */
  readonly safe: boolean;
  readonly pools: readonly PoolStats[];
}

export function requestInfo({ work, delivery, running }: WorkHeld, options: RequestInfoOptions): Answer {
  const { node, safe, pools } = options;
  const { priority } = work.message as TaskMessage;
  return {
    id: work.id,
    name: work.name,
    ...argumentsInfo(work, safe),
    type: work.name,
    hostname: node,
    time_start: running === undefined ? null : running.since / 1000,
    acknowledged: false,
    delivery_info: {
      exchange: delivery.exchange,
      routing_key: delivery.routingKey,
      priority: priority ?? 0,
      redelivered: delivery.redelivered,
    },
    worker_pid: running === undefined ? null : processOf(work.id, pools),
  };
}

function argumentsInfo({ message, isSensitive }: WorkHeld['work'], safe: boolean) {
  if (isSensitive === true) return { args: hiddenArgs, kwargs: hiddenKwargs };
  const { args, kwargs } = message as TaskMessage;
  return {
    args: safe ? argsRepr(args) : small(args, argsRepr),
    kwargs: safe ? kwargsRepr(kwargs) : small(kwargs, kwargsRepr),
  };
}

/** What JSON cannot carry (a NaN from Python) is shown as text, too. */
function small<T>(value: T, repr: (value: T) => string): unknown {
  try {
    return stringifyJson(value).length <= mostArguments ? value : repr(value);
  } catch {
    return repr(value); // it only has to be readable
  }
}

function processOf(id: string, pools: readonly PoolStats[]): number {
  const processes = pools.filter(({ kind }) => kind === 'processes').flatMap(({ children }) => children);
  return processes.find(({ task }) => task === id)?.id ?? process.pid;
}

/** Of one application. Its queue is first in, first out: the oldest in hand is older than all that wait. */
export function applicationInfo(
  { plans, inHand, isPaused: paused }: Pick<Capsule, 'plans' | 'inHand' | 'isPaused'>,
  events: readonly Pick<WorkHeld, 'work' | 'delivery'>[],
): ApplicationAnswer {
  const [plan] = plans;
  const times = events.filter(({ delivery }) => delivery.queue === plan?.queue).map(timeOf);
  const oldest = times.reduce<number | null>((a, b) => (b === null || (a !== null && a < b) ? a : b), null);
  return { queue: plan?.queue ?? '', prefetch: plan?.prefetch ?? 0, paused, in_hand: inHand, oldest };
}

/** When the event was published, seconds since the epoch; by its sender's clock. */
function timeOf({ work, delivery }: Pick<WorkHeld, 'work' | 'delivery'>): number | null {
  const { time } = work.input as EventMessage;
  return time === undefined ? (delivery.properties.timestamp ?? null) : time / 1000;
}

export function queueInfo({ queue, topology }: QueuePlan): Answer {
  const spec = topology.queues.find(({ name }) => name === queue);
  return {
    name: queue,
    exchange: exchangeInfo(topology, queue),
    routing_key: queue,
    queue_arguments: spec?.arguments ?? null,
    binding_arguments: null,
    consumer_arguments: null,
    durable: true,
    exclusive: false,
    auto_delete: false,
    no_ack: false,
    alias: null,
    bindings: [],
    no_declare: null,
    expires: null,
    message_ttl: null,
    max_length: null,
    max_length_bytes: null,
    max_priority: null,
  };
}

function exchangeInfo({ bindings }: Topology, queue: string) {
  return {
    name: bindings.find((binding) => binding.queue === queue)?.exchange ?? '',
    type: 'direct',
    arguments: null,
    durable: true,
    passive: false,
    auto_delete: false,
    delivery_mode: null,
    no_declare: false,
  };
}

export function statsInfo(worker: ControlledWorker): Answer {
  const { inHand, lamport, clock, startedAt, config } = worker;
  return {
    total: Object.fromEntries(inHand.begun),
    pid: process.pid,
    clock: String(lamport.value),
    uptime: Math.floor((clock.monotonic() - startedAt) / 1000),
    pool: poolInfo(worker),
    broker: brokerInfo(config.tasks.connection_string, config.events.consumer_heartbeat),
    prefetch_count: worker.queues.plans.reduce((sum, { prefetch }) => sum + prefetch, 0),
    rusage: rusage(),
    sw_ident: 'celeriac',
  };
}

function poolInfo({ groups, pools, config, queues }: ControlledWorker) {
  const { soft_time_limit: soft, hard_time_limit: hard, max_tasks_per_child: most } = config.task_handler;
  const kinds = [...new Set(groups.map(({ config: { pool } }) => pool))];
  const children = pools()
    .filter(({ kind }) => kind === 'processes')
    .flatMap((pool) => pool.children);
  return {
    implementation: `celeriac:${kinds.join('+')}`,
    'max-concurrency': queues.concurrency,
    processes: children.length === 0 ? [process.pid] : children.map(({ id }) => id),
    'max-tasks-per-child': most ?? 'N/A',
    timeouts: [soft ?? 0, hard ?? 0],
  };
}

/** As Kombu's `Connection.info`, without a password. */
function brokerInfo({ addresses }: Config['tasks']['connection_string'], heartbeat: number) {
  const [first] = addresses;
  return {
    hostname: first?.hostname ?? '',
    userid: first?.username ?? '',
    virtual_host: first?.vhost ?? '/',
    port: first?.port ?? 0,
    insist: false,
    ssl: first?.protocol === 'amqps',
    transport: 'amqp',
    connect_timeout: 4,
    transport_options: {},
    login_method: 'PLAIN',
    uri_prefix: null,
    heartbeat,
    failover_strategy: 'round-robin',
    alternates: addresses.slice(1).map(String),
  };
}

/** getrusage(2), as Python's `resource` names it. Times in seconds, `maxrss` in kilobytes. */
function rusage() {
  const used = process.resourceUsage();
  return {
    utime: used.userCPUTime / 1e6,
    stime: used.systemCPUTime / 1e6,
    maxrss: used.maxRSS,
    ixrss: used.sharedMemorySize,
    idrss: used.unsharedDataSize,
    isrss: used.unsharedStackSize,
    minflt: used.minorPageFault,
    majflt: used.majorPageFault,
    nswap: used.swappedOut,
    inblock: used.fsRead,
    oublock: used.fsWrite,
    msgsnd: used.ipcSent,
    msgrcv: used.ipcReceived,
    nsignals: used.signalsCount,
    nvcsw: used.voluntaryContextSwitches,
    nivcsw: used.involuntaryContextSwitches,
  };
}

/** What `registered` shows of a task beside its name, by Celery's names: what holds now. */
export function taskAttributes(
  { tasks, told, config }: Pick<ControlledWorker, 'tasks' | 'told' | 'config'>,
  name: string,
): Readonly<Record<string, string | number | undefined>> {
  const task = tasks.get(name);
  const layers = [task?.contract, task?.options];
  const { rate } = told.rateOf(name) ?? limitsOf(layers, config.task_handler.kill_switch);
  const { soft, hard } = told.timesOf(name) ?? ownTimes(task);
  return {
    rate_limit: rate === undefined ? undefined : rateText(rate),
    soft_time_limit: soft,
    time_limit: hard,
  };
}

function ownTimes(task: RegisteredTask | undefined): ToldTimes {
  const { contract, options } = task ?? {};
  return {
    soft: secondsOf(contract?.timeLimit?.soft ?? options?.softTimeLimit),
    hard: secondsOf(contract?.timeLimit?.hard ?? options?.hardTimeLimit),
  };
}

function secondsOf(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : parseDuration(duration);
}
