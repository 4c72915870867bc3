/**
 * What is to be done for the broker to have what is needed: each exchange and queue, with how it differs. Looks only,
 * and declares nothing that is missing.
 */
import type { Inequivalence } from '../amqp/channel-error.js';
import { deadLetterQueueName, type QueueSpec } from '../amqp/topology.js';
import type { Found, FoundThere, TopologyProbe } from '../amqp/topology-probe.js';
import type { Section } from '../broker.js';
import { temporaryName } from './move.js';
import type { NeededTopology, TopologyPurpose } from './needed.js';

/**
 * `create`: it is missing. `move`: a queue with other arguments, whose messages are carried over. `finish`: an earlier
 * move ended halfway. `by-hand`: nothing here can mend it, `why` says what can. `none`: it is as needed, or missing and
 * declared by whoever needs it first.
 */
export type TopologyAction = 'none' | 'create' | 'move' | 'finish' | 'by-hand';

export interface TopologyItem {
  readonly kind: 'exchange' | 'queue';
  readonly name: string;
  readonly purpose: TopologyPurpose;
  readonly section: Section;
  readonly action: TopologyAction;
  readonly exists: boolean;
  /** Argument by argument. A queue that is missing has none. */
  readonly differences: readonly Inequivalence[];
  /** Why it is `by-hand`, or what could not be seen. */
  readonly why?: string;
  /** Of a queue that exists: messages that wait, and consumers. */
  readonly messages?: number;
  readonly consumers?: number;
  /** Messages that an earlier move has left in this queue. */
  readonly left?: { readonly queue: string; readonly messages: number };
}

/** `missing`: its queue or exchange is. `unseen`: AMQP has no way to ask; `apply` makes it. */
export interface BindingPlan {
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly section: Section;
  readonly state: 'missing' | 'unseen';
}

export interface TopologyPlan {
  readonly items: readonly TopologyItem[];
  readonly bindings: readonly BindingPlan[];
  /** True: every exchange and queue is as needed. */
  readonly isDone: boolean;
}

export async function planOf(
  needed: readonly NeededTopology[],
  probeOf: (section: Section) => TopologyProbe,
): Promise<TopologyPlan> {
  const items: TopologyItem[] = [];
  for (const part of needed) {
    const { topology, section } = part;
    const probe = probeOf(section);
    for (const spec of topology.exchanges)
      items.push(exchangeItem(part, spec.name, await probe.exchange(spec)));
    for (const spec of topology.queues) items.push(await queueItem(part, spec, probe));
  }
  const unique = [
    ...new Map(items.map((item) => [`${item.section} ${item.kind} ${item.name}`, item])).values(),
  ];
  const isDone = unique.every(({ action }) => action === 'none');
  return { items: unique, bindings: bindingsOf(needed, unique), isDone };
}

function exchangeItem(part: NeededTopology, name: string, found: Found): TopologyItem {
  const base = { kind: 'exchange', name, purpose: part.purpose, section: part.section } as const;
  if (found.state !== 'exists') return { ...base, ...absent(part, found) };
  const { differences, unseen } = found;
  // One that passes is used as it is, whatever it is but for its type: others declare it as well.
  const isTransient = part.topology.exchanges.some((spec) => spec.name === name && spec.isTransient === true);
  const isFine = differences.every(({ argument }) => isTransient && argument !== 'type');
  const why = isFine ? unseen : 'an exchange cannot be changed: delete it when nobody publishes to it';
  return {
    ...base,
    exists: true,
    action: isFine ? 'none' : 'by-hand',
    differences,
    ...(why === undefined ? {} : { why }),
  };
}

async function queueItem(part: NeededTopology, spec: QueueSpec, probe: TopologyProbe): Promise<TopologyItem> {
  const { purpose, section, fixed } = part;
  const isDead = part.queue !== undefined && spec.name === deadLetterQueueName(part.queue);
  const base = {
    kind: 'queue',
    name: spec.name,
    purpose: isDead ? 'dead-letter' : purpose,
    section,
  } as const;
  const found = await probe.queue(spec);
  const left = fixed === undefined ? await leftBehind(spec.name, probe) : undefined;
  const { messages, consumers } = found.state === 'exists' ? found : {};
  return {
    ...base,
    ...(found.state === 'exists' ? present(found, fixed) : absent(part, found)),
    ...(messages === undefined ? {} : { messages }),
    ...(consumers === undefined ? {} : { consumers }),
    ...(left === undefined ? {} : { left }),
    ...(left !== undefined && isFinishable(found) ? { action: 'finish' as const } : {}),
  };
}

type Judged = Pick<TopologyItem, 'exists' | 'action' | 'differences' | 'why'>;

function absent({ isOptional }: NeededTopology, found: Exclude<Found, FoundThere>): Judged {
  if (found.state === 'refused') return { exists: true, action: 'by-hand', differences: [], why: found.why };
  return { exists: false, action: isOptional ? 'none' : 'create', differences: [] };
}

function present({ differences, unseen }: FoundThere, fixed: string | undefined): Judged {
  const isFine = differences.length === 0;
  const why = isFine ? unseen : (fixed ?? unseen);
  const action = isFine ? 'none' : fixed === undefined ? 'move' : 'by-hand';
  return { exists: true, action, differences, ...(why === undefined ? {} : { why }) };
}

/** The queue is as needed, or gone. Else it is to be moved anyway, which takes what was left along. */
function isFinishable(found: Found): boolean {
  return found.state === 'missing' || (found.state === 'exists' && found.differences.length === 0);
}

async function leftBehind(queue: string, probe: TopologyProbe): Promise<TopologyItem['left']> {
  const name = temporaryName(queue);
  const messages = await probe.waiting(name);
  return messages === undefined ? undefined : { queue: name, messages };
}

function bindingsOf(
  needed: readonly NeededTopology[],
  items: readonly TopologyItem[],
): readonly BindingPlan[] {
  const there = new Set(
    items.filter(({ exists }) => exists).map((one) => `${one.section} ${one.kind} ${one.name}`),
  );
  return needed.flatMap(({ topology, section }) =>
    topology.bindings.map(({ queue, exchange, routingKey }) => {
      const isThere = there.has(`${section} queue ${queue}`) && there.has(`${section} exchange ${exchange}`);
      return { queue, exchange, routingKey, section, state: isThere ? 'unseen' : 'missing' } as const;
    }),
  );
}
