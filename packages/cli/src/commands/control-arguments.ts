/** From words on a command line to the arguments of a command of remote control. Pure; throws UsageError. */
import { parseJson } from '@celeriac/core';

import { UsageError } from '../exit-codes.js';

export type Verbs = 'inspect' | 'control';

interface Verb {
  /** Names of its arguments in Celery's order; the last one with `*` takes all that is left, as a list. */
  readonly takes: readonly string[];
  /** Workers do not answer it. */
  readonly isCast?: true;
}

const none: Verb = { takes: [] };

const verbs: Readonly<Record<Verbs, Readonly<Record<string, Verb>>>> = {
  inspect: {
    ping: none,
    active: none,
    reserved: none,
    scheduled: none,
    revoked: none,
    registered: { takes: ['taskinfoitems*'] },
    stats: none,
    conf: none,
    report: none,
    active_queues: none,
    query_task: { takes: ['ids*'] },
    clock: none,
  },
  control: {
    revoke: { takes: ['task_id*'] },
    terminate: { takes: ['signal', 'task_id*'] },
    revoke_by_stamped_headers: { takes: ['headers*'] },
    rate_limit: { takes: ['task_name', 'rate_limit'] },
    time_limit: { takes: ['task_name', 'soft', 'hard'] },
    pool_grow: { takes: ['n'] },
    pool_shrink: { takes: ['n'] },
    pool_restart: none,
    autoscale: { takes: ['max', 'min'] },
    add_consumer: { takes: ['queue', 'exchange', 'exchange_type', 'routing_key'] },
    cancel_consumer: { takes: ['queue'] },
    enable_events: none,
    disable_events: none,
    heartbeat: { takes: [], isCast: true },
    shutdown: { takes: [], isCast: true },
  },
};

/** What stays text although it may look like a number. */
const texts: ReadonlySet<string> = new Set(['queue', 'task_name', 'rate_limit', 'signal', 'routing_key']);

export function methodsOf(of: Verbs): string {
  return Object.keys(verbs[of]).join(', ');
}

export interface Words {
  readonly method: string;
  readonly words: readonly string[];
}

export interface ControlArguments {
  readonly args: Readonly<Record<string, unknown>>;
  readonly isCast: boolean;
}

/** A method that is not known is asked all the same: workers may have commands of their own. */
export function argumentsOf(of: Verbs, { method, words }: Words): ControlArguments {
  const { takes, isCast = false } = Object.hasOwn(verbs[of], method) ? (verbs[of][method] as Verb) : none;
  const named = words.filter(isNamed).map((word): [string, unknown] => pair(word));
  const args = { ...positional(takes, { method, words: words.filter((word) => !isNamed(word)) }) };
  return { args: { ...args, ...Object.fromEntries(named) }, isCast };
}

function positional(takes: readonly string[], { method, words }: Words): Record<string, unknown> {
  const args: [string, unknown][] = [];
  const left = [...words];
  for (const take of takes) {
    if (left.length === 0) break;
    if (take.endsWith('*')) args.push([take.slice(0, -1), left.splice(0)]);
    else args.push([take, valueOf(take, left.shift() as string)]);
  }
  if (left.length > 0) {
    const what = takes.length === 0 ? 'none but name=value' : takes.join(', ');
    throw new UsageError(`${method} takes ${what}; '${left.join(' ')}' is too much`);
  }
  return Object.fromEntries(args);
}

function isNamed(word: string): boolean {
  return /^[a-z_]+=/u.test(word);
}

function pair(word: string): [string, unknown] {
  const [name = '', value = ''] = word.split(/=(.*)/su);
  return [name, valueOf(name, value)];
}

/** JSON where it is, else text. */
function valueOf(name: string, text: string): unknown {
  if (texts.has(name)) return text;
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}
