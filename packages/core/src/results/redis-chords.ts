/**
 * Counts chords in Redis under Celery's keys, so that Python's workers and ours count together. Unlike Celery's own it
 * counts a task that runs twice once, and lets only one task send the body: who dies in between comes back to it.
 *
 * Source: celery/backends/redis.py (`set_chord_size`, `on_chord_part_return`).
 */
import { CeleriacError } from '../errors.js';
import { chordFailed, decodeGroupTree, decodePart, encodePart, type GroupTree } from '../protocol/chord.js';
import { decodeResult } from '../protocol/result.js';
import type { RedisConnection } from '../redis/redis-connection.js';
import { RedisScript } from '../redis/redis-script.js';
import type { ChordStore, EndedPart, Joined } from './chord-store.js';
import { resultKey } from './result-key.js';
import { taskError } from './task-error.js';

export interface RedisChordsOptions {
  readonly redis: () => Promise<RedisConnection>;
  /** How long counts are kept, milliseconds; 0 keeps them for ever. */
  readonly expiresMs: number;
}

/**
 * KEYS: entries, added members, size, who completed it, the saved group, the body's result.
 * ARGV: the task, its place, its entry, milliseconds.
 */
const count = new RedisScript(`
local function idOf(entry)
  local ok, value = pcall(cjson.decode, entry)
  return ok and type(value) == 'table' and value[2] or entry
end
for _, entry in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2], ARGV[2])) do
  if entry ~= ARGV[3] and idOf(entry) == ARGV[1] then redis.call('ZREM', KEYS[1], entry) end
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
local ttl = tonumber(ARGV[4])
if ttl > 0 then for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], ttl) end end
local size = tonumber(redis.call('GET', KEYS[3]) or '')
if not size then return {'waiting'} end
size = size + (tonumber(redis.call('GET', KEYS[2]) or '') or 0)
if redis.call('ZCARD', KEYS[1]) < size then return {'waiting'} end
local entries, seen = {}, {}
for _, entry in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local id = idOf(entry)
  if not seen[id] then
    seen[id] = true
    entries[#entries + 1] = entry
  end
end
if #entries < size then return {'waiting'} end
local owner = redis.call('GET', KEYS[4])
if owner and owner ~= ARGV[1] then return {'waiting'} end
if owner and redis.call('EXISTS', KEYS[6]) == 1 then return {'sent'} end
if ttl > 0 then redis.call('SET', KEYS[4], ARGV[1], 'PX', ttl) else redis.call('SET', KEYS[4], ARGV[1]) end
return {'complete', redis.call('GET', KEYS[5]) or '', entries}
`);

type Counted = readonly [status: string, tree?: string, entries?: readonly string[]];

export class RedisChords implements ChordStore {
  #options: RedisChordsOptions;

  constructor(options: RedisChordsOptions) {
    this.#options = options;
  }

  async expect(groupId: string, size: number): Promise<void> {
    const { expiresMs } = this.#options;
    const redis = await this.#options.redis();
    const { size: key } = keysOf(groupId);
    await redis.command(({ client }) =>
      expiresMs > 0 ? client.set(key, size, 'PX', Math.round(expiresMs)) : client.set(key, size),
    );
  }

  async ended({ groupId, index, part, bodyId }: EndedPart): Promise<Joined | undefined> {
    const { expiresMs } = this.#options;
    const redis = await this.#options.redis();
    const { entries, added, size, owner, tree } = keysOf(groupId);
    const keys = [entries, added, size, owner, tree, resultKey(bodyId ?? '')];
    const place = index ?? '+inf';
    const counted = (await redis.run(count, keys, [
      part.id,
      place,
      encodePart(part),
      Math.round(expiresMs),
    ])) as Counted;
    const [status, saved = '', texts = []] = counted;
    if (status === 'sent') return { kind: 'sent' };
    if (status !== 'complete') return undefined;
    return saved === '' ? joinedOf(texts) : this.#joinTree(decodeGroupTree(saved));
  }

  async done(groupId: string): Promise<void> {
    const redis = await this.#options.redis();
    const { entries, added, size } = keysOf(groupId);
    await redis.command(({ client }) => client.del(entries, added, size));
  }

  async hasSucceeded(id: string): Promise<boolean> {
    const redis = await this.#options.redis();
    const text = await redis.command(({ client }) => client.get(resultKey(id)));
    return text !== null && decodeResult(text, id).status === 'SUCCESS';
  }

  /** A header of groups: each is a list in the list. Their tasks have ended, so their results are there. */
  async #joinTree(tree: readonly GroupTree[]): Promise<Joined> {
    const ids = idsOf(tree);
    if (ids.length === 0) return { kind: 'complete', values: [] };
    const redis = await this.#options.redis();
    const texts = await redis.command(({ client }) => client.mget(...ids.map(resultKey)));
    const values = new Map<string, unknown>();
    for (const [at, id] of ids.entries()) {
      const text = texts[at];
      if (text === null || text === undefined) return { kind: 'failed', error: notKept(id) };
      const record = { ...decodeResult(text, id), id };
      if (record.status === 'SUCCESS') values.set(id, record.value);
      else return { kind: 'failed', error: chordFailed(id, record.exception ?? taskErrorOf(record)) };
    }
    const shaped = (one: GroupTree): unknown => (typeof one === 'string' ? values.get(one) : one.map(shaped));
    return { kind: 'complete', values: tree.map(shaped) };
  }
}

function idsOf(tree: GroupTree): readonly string[] {
  return typeof tree === 'string' ? [tree] : tree.flatMap(idsOf);
}

function joinedOf(texts: readonly string[]): Joined {
  const parts = texts.map(decodePart);
  const failed = parts.find(({ exception }) => exception !== undefined);
  return failed?.exception === undefined
    ? { kind: 'complete', values: parts.map(({ value }) => value) }
    : { kind: 'failed', error: chordFailed(failed.id, failed.exception) };
}

function taskErrorOf(record: Parameters<typeof taskError>[0]) {
  const { excType: type, excArgs: args } = taskError(record);
  return { type, args };
}

function notKept(id: string): CeleriacError {
  return new CeleriacError('ERR_CHORD_FAILED', { message: `The result of ${id} is not in the store` });
}

function keysOf(groupId: string) {
  const tree = `celery-taskset-meta-${groupId}`;
  return {
    entries: `${tree}.j`,
    added: `${tree}.t`,
    size: `${tree}.s`,
    tree,
    owner: `celeriac-chord-${groupId}`,
  };
}
