/** What `celeriac topology` prints. Pure. */
import type { ApplyReport, NeededTopology, TopologyItem, TopologyPlan } from '@celeriac/core';

import { columns, printable } from '../text.js';

/** As a file would have it: numbers whose width on the wire is given are written as numbers. */
export function neededJson(needed: readonly NeededTopology[]): unknown {
  return needed.map(({ topology: { isPassing: _passing, family: _family, ...topology }, ...rest }) => ({
    ...rest,
    ...topology,
    queues: topology.queues.map(({ name, arguments: args }) => ({ name, arguments: plain(args) })),
  }));
}

export function neededLines(needed: readonly NeededTopology[]): readonly string[] {
  const { shown, count } = withoutDelays(needed);
  const rows = shown.flatMap(({ purpose, topology }) => [
    ...topology.exchanges.map(({ name, type }) => ['exchange', printable(name), purpose, type]),
    ...topology.queues.map(({ name, arguments: args }) => [
      'queue',
      printable(name),
      purpose,
      argumentsText(args),
    ]),
    ...topology.bindings.map(({ queue, exchange, routingKey }) => [
      'binding',
      printable(queue),
      purpose,
      `${printable(exchange)} ${shortKey(printable(routingKey))}`,
    ]),
  ]);
  return [
    columns([['', 'name', 'purpose', ''], ...rows], new Set()),
    ...(count === 0
      ? []
      : [`and ${count} levels of delayed delivery: celery_delayed_0, celery_delayed_1, …`]),
  ];
}

export function planLines({ items, bindings, isDone }: TopologyPlan): readonly string[] {
  const toDo = items.filter(({ action }) => action !== 'none');
  const lines = grouped(toDo).flatMap(itemLines);
  const isBound = (queue: string): boolean => items.some((one) => one.name === queue && one.exists);
  const unseen = bindings.filter(({ state }) => state === 'unseen').length;
  const missing = bindings.filter(({ state, queue }) => state === 'missing' && isBound(queue));
  return [
    ...lines,
    ...missing.map(({ queue, exchange }) => `+ binding ${printable(exchange)} → ${printable(queue)}`),
    ...(isDone
      ? [`nothing to do: ${items.filter(({ exists }) => exists).length} exchanges and queues are as needed`]
      : []),
    ...(unseen === 0 ? [] : [`${unseen} bindings cannot be seen over AMQP; apply makes them`]),
    ...(isDone ? [] : ['celeriac topology apply does what begins with +, ~ and >']),
  ];
}

export function applyLines({ created, moved, left }: ApplyReport): readonly string[] {
  const lines = [
    ...(created.length === 0 ? [] : [`created: ${shortList(created.map(({ name }) => name))}`]),
    ...moved.map(({ queue, moved: count }) => `moved: ${printable(queue)}, ${messagesText(count)}`),
    ...moved
      .filter(({ lost }) => lost > 0)
      .map(({ queue, lost }) => `LOST: ${messagesText(lost)} came to ${printable(queue)} as it was deleted`),
    ...grouped(left).flatMap(itemLines),
  ];
  return lines.length === 0 ? ['nothing to do'] : lines;
}

const signs = { create: '+', move: '~', finish: '>', 'by-hand': '!', none: ' ' } as const;

function itemLines(item: Shown): readonly string[] {
  const { kind, name, action, differences, why, messages, consumers, left, more } = item;
  const counts = [
    messages === undefined ? '' : messagesText(messages),
    consumers === undefined || consumers === 0 ? '' : `${consumers} consumers: stop them first`,
  ].filter((text) => text !== '');
  const others = more === 0 ? '' : ` and ${more} more ${more === 1 ? 'level' : 'levels'} of delayed delivery`;
  const isMoved = action === 'move' || action === 'finish';
  return [
    `${signs[action]} ${kind} ${printable(name)}${others}${isMoved && counts.length > 0 ? ` (${counts.join(', ')})` : ''}`,
    ...differences.map(
      ({ argument, wanted, present }) =>
        `    ${printable(argument)}: needed ${printable(wanted)}, there ${printable(present)}`,
    ),
    ...(left === undefined
      ? []
      : [`    an earlier move left ${messagesText(left.messages)} in ${printable(left.queue)}`]),
    ...(why === undefined ? [] : [`    ${printable(why)}`]),
  ];
}

type Shown = TopologyItem & { readonly more: number };

/** The 28 levels of delayed delivery differ alike: the first one of each kind stands for all. */
function grouped(items: readonly TopologyItem[]): readonly Shown[] {
  const alike = new Map<string, Shown>();
  for (const item of items) {
    const { kind, name, purpose, action, section, differences } = item;
    const key =
      purpose === 'delay'
        ? JSON.stringify([kind, action, section, differences.map(({ argument }) => argument)])
        : `${kind} ${section} ${name}`;
    const first = alike.get(key);
    alike.set(key, first === undefined ? { ...item, more: 0 } : { ...first, more: first.more + 1 });
  }
  return [...alike.values()];
}

function withoutDelays(needed: readonly NeededTopology[]): {
  readonly shown: readonly NeededTopology[];
  readonly count: number;
} {
  const shown = needed.filter(({ purpose }) => purpose !== 'delay');
  return { shown, count: needed.length - shown.length };
}

function argumentsText(args: Readonly<Record<string, unknown>>): string {
  return Object.entries(plain(args))
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ');
}

/** The 28 stars of a delayed delivery's key say nothing to anybody. */
function shortKey(key: string): string {
  return key.replace(/^(?:\*\.){28}/u, '*.….');
}

function shortList(names: readonly string[]): string {
  const shown = names.filter((name) => !name.startsWith('celery_delayed_')).map(printable);
  const rest = names.length - shown.length;
  return [...shown, ...(rest === 0 ? [] : [`${rest} of delayed delivery`])].join(', ');
}

function messagesText(count: number): string {
  return `${count} ${count === 1 ? 'message' : 'messages'}`;
}

function plain(args: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => [
      name,
      typeof value === 'object' && value !== null && 'value' in value ? value.value : value,
    ]),
  );
}
