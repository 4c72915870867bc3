/**
 * Makes a checked tree into a Config: defaults filled in, durations in seconds, sizes in bytes, connection
 * strings read. Pure; what cannot be resolved becomes a problem, never an exception.
 */
import { CeleriacError } from '../errors.js';
import { parseRedisAddress } from '../redis/redis-address.js';
import { parseConnectionString } from './connection-string.js';
import { parseResultBackend } from './result-backend.js';
import { parseByteSize, parseDuration } from './duration.js';
import { type KeyPath, pathText, type Problems } from './problems.js';
import { configSchema } from './schema.js';
import type { SchemaNode } from './schema-node.js';
import { SecretText } from './secret-text.js';
import { isTree, mergeTrees, type Tree } from './tree.js';
import type { Config } from './types.js';

/** The whole configuration, frozen. Only meaningful when `problems` stays empty. */
export function resolveTree(tree: Tree, problems: Problems): Config {
  const resolved = resolveNode(configSchema, mergeTrees(dependentDefaults(tree), tree), {
    path: [],
    problems,
  }) as Config;
  const { events, tasks, task_handler: handler } = resolved;
  return deepFreeze({
    ...resolved,
    tasks: { ...tasks, connection_string: orElse(tasks.connection_string, events.connection_string) },
    task_handler: { ...handler, queues: orElse(handler.queues, ownQueues(tasks.default_queue, handler)) },
  });
}

/** The default queue, unless a group of `workers` has it. */
function ownQueues(defaultQueue: string, { workers }: Config['task_handler']): readonly string[] {
  return Object.values(workers).some(({ queues }) => queues.includes(defaultQueue)) ? [] : [defaultQueue];
}

/** Before the fallbacks are applied these keys may be missing, whatever the type says. */
function orElse<Value>(value: Value | undefined, fallback: Value): Value {
  return value ?? fallback;
}

/** Celery's own defaults: `task_default_queue` is "celery", and its queues are classic. */
function dependentDefaults(tree: Tree): Tree {
  const celery = isTree(tree.tasks) && tree.tasks.compatibility === 'celery';
  return celery ? { tasks: { default_queue: 'celery', queue_type: 'classic' } } : {};
}

interface Place {
  readonly path: KeyPath;
  readonly problems: Problems;
}

function resolveNode(node: SchemaNode, written: unknown, place: Place): unknown {
  const value = written === undefined || place.problems.has(pathText(place.path)) ? node.default : written;
  if (node['x-kind'] !== undefined) return value === undefined ? undefined : resolveKind(node, value, place);
  // One that nobody wrote is not there: its defaults would not make it whole.
  if (value === undefined && node.required !== undefined) return undefined;
  if (node.type === 'object') return resolveMap(node, isTree(value) ? value : {}, place);
  return Array.isArray(value) ? [...(value as unknown[])] : value;
}

function resolveMap(node: SchemaNode, value: Tree, { path, problems }: Place): Tree {
  const resolved: Tree = {};
  const { properties = {}, additionalProperties: others } = node;
  for (const [key, child] of Object.entries(properties)) {
    const result = resolveNode(child, value[key], { path: [...path, key], problems });
    if (result !== undefined) resolved[key] = result;
  }
  for (const [key, item] of others === undefined || others === false ? [] : Object.entries(value))
    resolved[key] = resolveNode(others as SchemaNode, item, { path: [...path, key], problems });
  return resolved;
}

function resolveKind(node: SchemaNode, value: unknown, { path, problems }: Place): unknown {
  try {
    switch (node['x-kind']) {
      case 'duration':
        return inRange(parseDuration(value as string), node, value);
      case 'size':
        return inRange(parseByteSize(value as string), node, value);
      case 'connection_string':
        return parseConnectionString(value as string);
      case 'key_store':
        return value === 'memory://' ? value : parseRedisAddress(value as string);
      case 'result_backend':
        return parseResultBackend(value as string);
      case 'time_zone':
        return timeZone(value as string);
      case 'retries':
        return value === 'unlimited' ? Infinity : value;
      case 'secret':
        return new SecretText(value as string);
      default:
        return value;
    }
  } catch (error) {
    if (!(error instanceof CeleriacError)) throw error;
    problems.add(
      path,
      error.code === 'ERR_INPUT_INVALID' ? outOfRange(node, value, { path, problems }) : error.message,
    );
    return undefined;
  }
}

function outOfRange(node: SchemaNode, value: unknown, { path, problems }: Place): string {
  const shown = problems.shown(path, value);
  if (node['x-kind'] === 'time_zone')
    return `${shown} is not a time zone. Allowed: an IANA name such as "UTC" or "Europe/Stockholm".`;
  const [least, most] = node['x-range'] ?? [0, Number.MAX_SAFE_INTEGER];
  return `${shown} is out of range. Allowed: ${least} to ${most} ${node['x-unit'] ?? ''}.`;
}

function inRange(resolved: number, node: SchemaNode, value: unknown): number {
  const [least, most] = node['x-range'] ?? [0, Number.MAX_SAFE_INTEGER];
  if (resolved >= least && resolved <= most) return resolved;
  throw new CeleriacError('ERR_INPUT_INVALID', { message: 'Out of range.', values: { value } });
}

function timeZone(name: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone === '' ? 'UTC' : name;
  } catch (cause) {
    throw new CeleriacError('ERR_INPUT_INVALID', { message: 'Not a time zone.', cause });
  }
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const item of Object.values(value)) deepFreeze(item);
  return Object.freeze(value);
}
