/**
 * Limits that all workers share, in a Redis server (5 or later, not a cluster): each step is one script, in the server's
 * own time, so that clocks of workers do not matter. What the server forgets begins anew.
 */
import { type Asker, type Pace, slackMs } from '../policy/pace.js';
import { RedisScript } from '../redis/redis-script.js';
import type { RedisConnection } from '../redis/redis-connection.js';

export type TurnAsk = Pace & Asker;

export interface SeatAsk {
  /** Of this one run: no other uses it. */
  readonly owner: string;
  /** Until the seat is free again unless it is renewed: its worker may have died. */
  readonly leaseMs: number;
  readonly max: number;
}

/** Every method rejects with ERR_REDIS_UNAVAILABLE or ERR_REDIS_REFUSED, within its time, when the store does not do it. */
export interface LimitStore {
  /** Milliseconds until its turn; 0: it starts now, and is counted. */
  turn(key: string, ask: TurnAsk): Promise<number>;
  /** False when all seats are taken. */
  takeSeat(key: string, ask: SeatAsk): Promise<boolean>;
  /** Also where the lease has ended meanwhile: it does run. */
  renewSeat(key: string, ask: Omit<SeatAsk, 'max'>): Promise<void>;
  giveSeatBack(key: string, owner: string): Promise<void>;
  /** Idempotent; never rejects. */
  close(): Promise<void>;
}

const clock = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.3f', number) end
local function keepFor(ms) redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(1, ms))) end
`;

/**
 * `takeTurn` of policy/pace.ts, step by step.
 * Keys: lane. Arguments: interval, burst, slack, 1 for one that comes back, time until it expires.
 */
const turnScript: RedisScript = new RedisScript(`${clock}
local lane = redis.call('HMGET', KEYS[1], 'next', 'turn', 'again')
local next, turn, again = tonumber(lane[1] or '0'), tonumber(lane[2] or '0'), tonumber(lane[3] or '0')
local interval, burst, slack = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local returning = ARGV[4] == '1'
local within = tonumber(ARGV[5])
local free = next - burst
local mayStart = now >= free and now >= turn
if returning then mayStart = now >= free - slack end
local wait = 0
if mayStart then
  next = math.max(next, now) + interval
else
  local at = math.max(now, free, returning and again or turn)
  wait = math.max(1, math.ceil(at - now))
  if wait >= within then return wait end
  if returning then again = at + interval else turn = at + interval end
end
redis.call('HSET', KEYS[1], 'next', text(next), 'turn', text(turn), 'again', text(again))
keepFor(math.max(next, turn, again) - now + 1000)
return wait
`);

/** Keys: seats. Arguments: owner, lease, seats (0: it has one, whatever others have). */
const seatScript: RedisScript = new RedisScript(`${clock}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now))
local max = tonumber(ARGV[3])
if max > 0 and not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= max then return 0 end
local lease = tonumber(ARGV[2])
redis.call('ZADD', KEYS[1], text(now + lease), ARGV[1])
keepFor(math.max(lease, redis.call('PTTL', KEYS[1])))
return 1
`);

const laneKey = (key: string): string => `celeriac:rate:${key}`;
const seatsKey = (key: string): string => `celeriac:seats:${key}`;
/** For Lua, which reads no Infinity. */
const never = 1e15;
const whole = (ms: number): number => Math.max(1, Math.round(ms));

export class RedisLimitStore implements LimitStore {
  #redis: RedisConnection;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  async turn(key: string, { intervalMs, burstMs, isReturning, withinMs = never }: TurnAsk): Promise<number> {
    const args = [intervalMs, burstMs, slackMs, isReturning ? 1 : 0, Math.min(never, withinMs)];
    return Number(await this.#redis.run(turnScript, [laneKey(key)], args));
  }

  async takeSeat(key: string, { owner, leaseMs, max }: SeatAsk): Promise<boolean> {
    return (await this.#redis.run(seatScript, [seatsKey(key)], [owner, whole(leaseMs), max])) === 1;
  }

  async renewSeat(key: string, { owner, leaseMs }: Omit<SeatAsk, 'max'>): Promise<void> {
    await this.#redis.run(seatScript, [seatsKey(key)], [owner, whole(leaseMs), 0]);
  }

  async giveSeatBack(key: string, owner: string): Promise<void> {
    await this.#redis.command(({ client }) => client.zrem(seatsKey(key), owner));
  }

  close(): Promise<void> {
    return this.#redis.close();
  }
}
