/**
 * Makes the broker have what is needed: moves queues whose arguments differ, then creates what is missing, with all
 * bindings. Begins nothing while a queue that is to be moved has consumers. Deletes no exchange and no message.
 */
import type { Declarer } from '../amqp/declare.js';
import type { DrainParts } from '../amqp/queue-drain.js';
import type { BindingSpec, QueueSpec, Topology } from '../amqp/topology.js';
import type { Section } from '../broker.js';
import { type Moved, type MoveProgress, type MoveStep, QueueMove } from './move.js';
import type { NeededTopology } from './needed.js';
import type { TopologyItem, TopologyPlan } from './plan.js';
import { inUse, unfinished } from './topology-error.js';

export type { MoveProgress, MoveStep };

export interface ApplyOptions {
  /** Only these queues are moved. Default: all that differ. What is missing is always created. */
  readonly queues?: readonly string[] | undefined;
  /** For so long a queue has to be without new messages before it is deleted, seconds. Default 2. */
  readonly quiet?: number | undefined;
  /** Called at every step of a move, and for every message. Must be quick. */
  readonly onStep?: ((progress: MoveProgress) => void) | undefined;
}

export interface ApplyReport {
  readonly created: readonly { readonly kind: 'exchange' | 'queue'; readonly name: string }[];
  readonly moved: readonly Moved[];
  /** What nobody but a person can mend. */
  readonly left: readonly TopologyItem[];
}

export interface ApplyParts {
  readonly needed: readonly NeededTopology[];
  readonly plan: TopologyPlan;
  readonly declarerOf: (section: Section) => Declarer;
  readonly drainParts: (section: Section) => DrainParts;
}

const defaultQuiet = 2;

export async function applyPlan(parts: ApplyParts, options: ApplyOptions = {}): Promise<ApplyReport> {
  const { plan } = parts;
  const { queues: only } = options;
  const isWanted = ({ name }: TopologyItem): boolean => only?.includes(name) ?? true;
  const moves = plan.items.filter((item) => isMove(item) && isWanted(item));
  const busy = moves.filter(({ action, consumers = 0 }) => action === 'move' && consumers > 0);
  if (busy.length > 0)
    throw inUse(
      busy.map(({ name }) => name),
      'consumers are on it',
    );
  // First of all: a dead-letter queue has to be there before its queue drops anything into it.
  const missing = new Set(plan.items.filter(({ action }) => action === 'create').map(keyOf));
  const skipped = new Set(plan.items.filter(isSkipped).map(keyOf));
  await declareAll(parts, skipped);
  const moved: Moved[] = [];
  for (const item of moves) moved.push(await move(parts, item, options));
  if (moves.length > 0)
    await declareAll(parts, new Set([...skipped].filter((key) => !moves.some((one) => keyOf(one) === key))));
  return {
    created: plan.items.filter((item) => missing.has(keyOf(item))).map(({ kind, name }) => ({ kind, name })),
    moved,
    left: plan.items.filter((item) => item.action === 'by-hand' || (isMove(item) && !moves.includes(item))),
  };
}

function isMove({ action }: TopologyItem): boolean {
  return action === 'move' || action === 'finish';
}

/** What is left as it is: bindings to what is not there, and need not be, as well. */
function isSkipped(item: TopologyItem): boolean {
  return item.action === 'by-hand' || isMove(item) || (item.action === 'none' && !item.exists);
}

function keyOf({ section, kind, name }: Pick<TopologyItem, 'section' | 'kind' | 'name'>): string {
  return `${section} ${kind} ${name}`;
}

async function declareAll({ needed, declarerOf }: ApplyParts, skipped: ReadonlySet<string>): Promise<void> {
  for (const { section, topology, isOptional } of needed) {
    if (isOptional) continue;
    await declarerOf(section).declare(without(topology, section, skipped));
  }
}

function without(topology: Topology, section: Section, skipped: ReadonlySet<string>): Topology {
  const isKept =
    (kind: 'exchange' | 'queue') =>
    (spec: { readonly name: string }): boolean =>
      !skipped.has(keyOf({ section, kind, name: spec.name }));
  const queues = topology.queues.filter(isKept('queue'));
  const bindings = topology.bindings.filter(
    ({ queue, exchange }) => isKept('queue')({ name: queue }) && isKept('exchange')({ name: exchange }),
  );
  return { ...topology, exchanges: topology.exchanges.filter(isKept('exchange')), queues, bindings };
}

async function move(parts: ApplyParts, item: TopologyItem, options: ApplyOptions): Promise<Moved> {
  const { needed, drainParts } = parts;
  const { name, section, action } = item;
  const own = needed.filter((part) => part.section === section);
  const queue = own
    .flatMap(({ topology }) => topology.queues)
    .find((spec) => spec.name === name) as QueueSpec;
  const bindings = own
    .flatMap(({ topology }) => topology.bindings)
    .filter((one: BindingSpec) => one.queue === name);
  const { onStep, quiet = defaultQuiet } = options;
  try {
    return await QueueMove.run(drainParts(section), {
      queue,
      bindings,
      action: action === 'finish' ? 'finish' : 'move',
      isQuorum: presentType(item, queue) === 'quorum',
      isSingleActive: item.differences.some((one) => one.argument === singleActive && one.present === 'true'),
      quietMs: quiet * 1000,
      onStep,
    });
  } catch (error) {
    throw unfinished(name, error);
  }
}

const singleActive = 'x-single-active-consumer';

function presentType({ differences }: TopologyItem, { arguments: wanted }: QueueSpec): unknown {
  const difference = differences.find(({ argument }) => argument === 'x-queue-type');
  return difference === undefined ? wanted['x-queue-type'] : difference.present;
}
