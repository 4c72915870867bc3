/** What goes wrong between us and a Redis server, as errors of ours. No text of theirs holds a password. Pure. */
import { CeleriacError, errorText } from '../errors.js';
import type { RedisAddress } from './redis-address.js';

export function redisMissing(cause: unknown): CeleriacError {
  return new CeleriacError('ERR_REDIS_CLIENT', {
    message: `redis:// needs the package ioredis, which cannot be loaded: ${errorText(cause)}.`,
    hint: 'npm install ioredis@6',
    cause,
  });
}

export function redisUnavailable(address: RedisAddress, why: string, cause?: unknown): CeleriacError {
  const reason = cause === undefined ? why : `${why}: ${errorText(cause)}`;
  return new CeleriacError('ERR_REDIS_UNAVAILABLE', {
    message: `Redis at ${address.toString()} does not answer: ${reason}.`,
    hint: 'Check that it runs and can be reached; the connection is tried again by itself.',
    values: { address: address.toString() },
    cause,
  });
}

/**
 * Replies that pass: it starts, hands over to another server, is busy, or takes no writes now (memory or disk full, too
 * few replicas). Up to Redis 6 those of a command within a script come inside another one.
 */
const passing =
  /^(?:ERR Error running script .*?: -?)?(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|BUSY|TRYAGAIN|OOM|MISCONF|NOREPLICAS)\b/su;
/** Replies that say no, as the server writes them: a word in capitals first. */
const reply = /^[A-Z]{2,20}\b/u;

/** What a command rejected with. */
export function redisFailure(address: RedisAddress, error: unknown): CeleriacError {
  const text = errorText(error);
  const isReply = (error as { name?: unknown } | null)?.name === 'ReplyError' && reply.test(text);
  if (!isReply) return redisUnavailable(address, 'a command failed', error);
  if (passing.test(text)) {
    return new CeleriacError('ERR_REDIS_UNAVAILABLE', {
      message: `Redis at ${address.toString()} does not take commands now: ${text}.`,
      hint: 'Check its memory, its disk, and whether it is the primary. What could not be done is tried again where that is safe.',
      values: { address: address.toString() },
      cause: error,
    });
  }
  return new CeleriacError('ERR_REDIS_REFUSED', {
    message: `Redis at ${address.toString()} refused a command: ${text}.`,
    hint: 'Check user, password and the permissions of the user.',
    values: { address: address.toString() },
    cause: error,
  });
}

/** True when the server is a replica by now: its name may mean another one, which only a new connection finds. */
export function isReplicaReply(error: unknown): boolean {
  return passing.exec(errorText(error))?.[1] === 'READONLY';
}
