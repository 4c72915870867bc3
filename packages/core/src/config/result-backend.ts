/** `tasks.result_backend`, read: which store, and where. Pure. */
import { CeleriacError } from '../errors.js';
import { parseRedisAddress, type RedisAddress } from '../redis/redis-address.js';

export type ResultBackend =
  { readonly kind: 'rpc' } | { readonly kind: 'redis'; readonly address: RedisAddress };

/** Throws ERR_CONNECTION_STRING, which never quotes the text. */
export function parseResultBackend(text: string): ResultBackend {
  if (/^rpc:\/{0,2}$/iu.test(text)) return { kind: 'rpc' };
  if (/^rediss?:/iu.test(text)) return { kind: 'redis', address: parseRedisAddress(text) };
  throw new CeleriacError('ERR_CONNECTION_STRING', {
    message: 'The result backend is neither rpc:// nor redis:// nor rediss://.',
    hint: 'Leave it out for no results.',
    values: { part: 'scheme' },
  });
}
