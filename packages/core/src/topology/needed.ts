/**
 * What a configuration needs on the broker, as one list: exchanges, queues with their arguments, bindings. The parts are
 * those that publishers, workers and beat declare themselves. Pure.
 */
import { delayedBinding, delayTopologies } from '../amqp/delayed-delivery.js';
import { beatTopology, registryQueue, type Topology } from '../amqp/topology.js';
import { applicationQueueName, applicationTopology, registryQueueName } from '../applications.js';
import { isOneBroker, type Section } from '../broker.js';
import type { Config } from '../config/types.js';
import { cancelledQueueName } from '../control/cancelled-tasks.js';
import { controlExchanges } from '../control/topology.js';
import { configuredQueues } from '../dead-letters/brokers.js';
import { eventExchange } from '../monitoring/topology.js';
import { taskTopology } from '../task-sender.js';

/** What a part is for. The dead-letter queue of a queue has the purpose `dead-letter`. */
export type TopologyPurpose =
  'task' | 'application' | 'dead-letter' | 'event' | 'delay' | 'control' | 'monitoring' | 'registry' | 'beat';

export interface NeededTopology {
  readonly purpose: TopologyPurpose;
  /** Whose broker it is on. */
  readonly section: Section;
  readonly topology: Topology;
  /** The task or application queue it is for; its other queue is the dead-letter queue. */
  readonly queue?: string;
  /** True: declared by whoever needs it first, and nobody misses it until then. */
  readonly isOptional: boolean;
  /** Undefined: its queues can be moved to other arguments. Else why not. */
  readonly fixed?: string;
}

/** What the configuration does not name itself. */
export interface Also {
  /** Task queues. */
  readonly queues?: readonly string[];
  /** Registered applications, with their routing patterns. */
  readonly applications?: readonly { readonly name: string; readonly patterns: readonly string[] }[];
}

export function neededTopology(config: Config, also: Also = {}): readonly NeededTopology[] {
  const applications = merged(also.applications ?? []);
  const tasks = [...new Set([...taskQueues(config), ...(also.queues ?? [])])];
  const { exchange: name } = config.events;
  const events: Topology = { exchanges: [{ name, type: 'topic' }], queues: [], bindings: [] };
  const hasEventDelays = !isOneBroker(config) && applications.length > 0;
  const all: readonly NeededTopology[] = [
    { purpose: 'event', section: 'events', topology: events, isOptional: false },
    ...delays(config, 'tasks'),
    ...(hasEventDelays ? delays(config, 'events') : []),
    ...tasks.map((queue): NeededTopology => ({
      purpose: 'task',
      section: 'tasks',
      queue,
      topology: delayed(taskTopology(config, queue), queue),
      isOptional: false,
    })),
    ...applications.map(([application, patterns]): NeededTopology => {
      const queue = applicationQueueName(config, application);
      const topology = delayed(applicationTopology(config, application, patterns), queue);
      return { purpose: 'application', section: 'events', queue, topology, isOptional: false };
    }),
    ...whenNeeded(config),
  ];
  // On one broker a name is one thing, whoever asks for it.
  return isOneBroker(config) ? all.map((part) => ({ ...part, section: 'tasks' })) : all;
}

function taskQueues(config: Config): readonly string[] {
  const groups = Object.values(config.task_handler.workers).flatMap(({ queues }) => queues);
  return [...configuredQueues(config), ...groups];
}

/** One entry per application, with all patterns that are named for it. */
function merged(applications: NonNullable<Also['applications']>): readonly [string, readonly string[]][] {
  const all = new Map<string, Set<string>>();
  for (const { name, patterns } of applications)
    all.set(name, new Set([...(all.get(name) ?? []), ...patterns]));
  return [...all].map(([name, patterns]) => [name, [...patterns].sort()]);
}

function delayed(topology: Topology, queue: string): Topology {
  return { ...topology, bindings: [...topology.bindings, delayedBinding(queue)] };
}

const heldByTime = 'its messages wait for their time, which would begin anew: let it run empty, delete it';
const document = 'it holds what Celeriac remembers, under a lock: delete it, and register or cancel again';
const state = 'it holds the state of beat: stop beat, delete it, start beat';

function delays(config: Config, section: Section): readonly NeededTopology[] {
  const { delayed_delivery_queue_type: type, delayed_delivery_ahead: isAhead } = config.tasks;
  return delayTopologies(type).map((topology) => ({
    purpose: 'delay',
    section,
    topology,
    isOptional: !isAhead,
    fixed: heldByTime,
  }));
}

function whenNeeded(config: Config): readonly NeededTopology[] {
  const { queue_type: type } = config.tasks;
  const registries: readonly (readonly [Section, string, 'quorum' | 'classic'])[] = [
    ['events', registryQueueName, config.events.queue_type],
    ['tasks', cancelledQueueName, type],
  ];
  return [
    ...registries.map(([section, name, kind]): NeededTopology => ({
      purpose: 'registry',
      section,
      topology: { exchanges: [], queues: [registryQueue(name, kind)], bindings: [] },
      isOptional: true,
      fixed: document,
    })),
    { purpose: 'control', section: 'tasks', topology: controlExchanges(config), isOptional: true },
    { purpose: 'monitoring', section: 'tasks', topology: eventExchange(config), isOptional: true },
    {
      purpose: 'beat',
      section: 'tasks',
      topology: beatTopology(config.beat.queue, type),
      isOptional: true,
      fixed: state,
    },
  ];
}
