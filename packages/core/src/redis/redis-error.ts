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

/** Replies that pass: it starts, hands over to another server, or is busy. */
const passing = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|BUSY|TRYAGAIN)\b/u;
/** Replies that say no, as the server writes them: a word in capitals first. */
const reply = /^[A-Z]{2,20}\b/u;

/** What a command rejected with. */
export function redisFailure(address: RedisAddress, error: unknown): CeleriacError {
  const text = errorText(error);
  const isReply = (error as { name?: unknown } | null)?.name === 'ReplyError' && reply.test(text);
  if (!isReply || passing.test(text)) return redisUnavailable(address, 'a command failed', error);
  return new CeleriacError('ERR_REDIS_REFUSED', {
    message: `Redis at ${address.toString()} refused a command: ${text}.`,
    hint: 'Check user, password, the permissions of the user, and the free memory of the server.',
    values: { address: address.toString() },
    cause: error,
  });
}
