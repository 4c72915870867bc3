/**
 * The steps of a key store, each a Lua script that the server runs as one. Times are the server's own: clocks of
 * workers do not matter. Numbers are written with `%.0f`, since Lua would write 1.8e+12. Data only.
 */
import { RedisScript } from '../redis/redis-script.js';

const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local function keepFor(key, ms)
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, text(ms)) end
end
`;

const claimed = `
local state, owner, ends, fencing = unpack(redis.call('HMGET', KEYS[1], 'state', 'owner', 'ends', 'fencing'))
ends = tonumber(ends or '0')
fencing = tonumber(fencing or '0')
local isDone = state == 'done' and ends > now
local isOthers = state == 'claimed' and ends > now and owner ~= ARGV[1]
`;

/** Keys: record, chain. Arguments: owner, lease, window, attempt. */
export const claimScript: RedisScript = new RedisScript(`${clock}${claimed}
if isDone then return {'done', 0} end
if tonumber(ARGV[4]) <= tonumber(redis.call('GET', KEYS[2]) or '0') then return {'retried', 0} end
if isOthers then return {'held', ends - now} end
fencing = math.max(fencing + 1, now)
local lease = tonumber(ARGV[2])
redis.call('HSET', KEYS[1], 'state', 'claimed', 'owner', ARGV[1], 'ends', text(now + lease), 'fencing', text(fencing))
keepFor(KEYS[1], math.max(lease, tonumber(ARGV[3])))
return {'claimed', fencing}
`);

/** Keys: record. Arguments: owner, lease. A claim that the server has forgotten is taken again. */
export const renewScript: RedisScript = new RedisScript(`${clock}${claimed}
if isDone or isOthers then return 0 end
if fencing == 0 then fencing = now end
local lease = tonumber(ARGV[2])
redis.call('HSET', KEYS[1], 'state', 'claimed', 'owner', ARGV[1], 'ends', text(now + lease), 'fencing', text(fencing))
keepFor(KEYS[1], lease)
return 1
`);

/** Keys: record. Arguments: owner, window. */
export const completeScript: RedisScript = new RedisScript(`${clock}${claimed}
local window = tonumber(ARGV[2])
redis.call('HSET', KEYS[1], 'state', 'done', 'owner', '', 'ends', text(now + window), 'fencing', text(fencing))
keepFor(KEYS[1], window)
if isOthers then return 0 end
return 1
`);

/** Keys: record, chain. Arguments: owner, what was retried (-1 is nothing, 0 forgets), window. */
export const releaseScript: RedisScript = new RedisScript(`${clock}
local state, owner = unpack(redis.call('HMGET', KEYS[1], 'state', 'owner'))
if state == 'claimed' and owner == ARGV[1] then redis.call('HSET', KEYS[1], 'state', 'free') end
local retried = tonumber(ARGV[2])
if retried == 0 then redis.call('DEL', KEYS[2]) end
if retried > 0 then
  local tried = tonumber(redis.call('GET', KEYS[2]) or '0')
  redis.call('SET', KEYS[2], text(math.max(tried, retried)), 'PX', text(tonumber(ARGV[3])))
end
return 1
`);

/** Keys: hold. Arguments: id, time to live. */
export const holdScript: RedisScript = new RedisScript(`${clock}
local id, confirmed = unpack(redis.call('HMGET', KEYS[1], 'id', 'confirmed'))
if id and id ~= ARGV[1] then return {id, confirmed or '0'} end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'confirmed', confirmed or '0')
keepFor(KEYS[1], tonumber(ARGV[2]))
return {}
`);

/** Keys: hold. Arguments: id, time to live. */
export const confirmScript: RedisScript = new RedisScript(`
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'confirmed', '1')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`);

/** Keys: hold. Arguments: id. */
export const letGoScript: RedisScript = new RedisScript(`
if redis.call('HGET', KEYS[1], 'id') == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
`);

/** Keys: order. Arguments: time to live. */
export const enterScript: RedisScript = new RedisScript(`${clock}
local number, since = unpack(redis.call('HMGET', KEYS[1], 'number', 'since'))
number = math.max(tonumber(number or '0') + 1, now)
since = tonumber(since or now)
redis.call('HSET', KEYS[1], 'number', text(number), 'since', text(since))
keepFor(KEYS[1], tonumber(ARGV[1]))
return {number, now - since}
`);

/** Keys: order. Arguments: number, time to live. */
export const supersedeScript: RedisScript = new RedisScript(`${clock}
local latest = tonumber(redis.call('HGET', KEYS[1], 'latest') or '0')
redis.call('HSET', KEYS[1], 'latest', text(math.max(latest, tonumber(ARGV[1]))))
keepFor(KEYS[1], tonumber(ARGV[2]))
return 1
`);

/** Keys: order. Arguments: number. */
export const beginScript: RedisScript = new RedisScript(`
local latest = tonumber(redis.call('HGET', KEYS[1], 'latest') or '0')
if latest > tonumber(ARGV[1]) then return 0 end
redis.call('HDEL', KEYS[1], 'since')
return 1
`);
