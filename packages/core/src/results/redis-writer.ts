/**
 * Writes results into Redis as Celery does: the record under its key, with an expiry, and the same record published on
 * the channel of that name, for those who wait. One script does both, and first looks whether a SUCCESS is there.
 *
 * Source: celery/backends/redis.py (`_set`), base.py (`_store_result`: "a task that succeeded stays so").
 */
import type { Clock } from '../clock.js';
import { CeleriacError } from '../errors.js';
import type { RedisConnection } from '../redis/redis-connection.js';
import { RedisScript } from '../redis/redis-script.js';
import { encodeResult, type NewResult, type ResultTarget } from '../protocol/result.js';
import type { ChordStore } from './chord-store.js';
import { RedisChords } from './redis-chords.js';
import { resultKey } from './result-key.js';
import type { ResultWriter } from './result-store.js';

export interface RedisWriterOptions {
  readonly redis: RedisConnection;
  readonly clock: Clock;
  /** Milliseconds; 0 keeps records for ever. */
  readonly expiresMs: number;
  /** Largest record, bytes. */
  readonly maxBytes: number;
  /** Name of the worker, for `result_extended`; undefined writes no more than Celery's default. */
  readonly extendedBy: string | undefined;
}

/** A record that cannot be read is replaced. */
const script = new RedisScript(`
local old = redis.call('GET', KEYS[1])
if old then
  local ok, record = pcall(cjson.decode, old)
  if ok and type(record) == 'table' and record['status'] == 'SUCCESS' then return 0 end
end
if tonumber(ARGV[2]) > 0 then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[1])
end
redis.call('PUBLISH', KEYS[1], ARGV[1])
return 1
`);

export class RedisWriter implements ResultWriter {
  readonly chords: ChordStore;
  #options: RedisWriterOptions;

  constructor(options: RedisWriterOptions) {
    this.#options = options;
    const { redis, expiresMs } = options;
    this.chords = new RedisChords({ redis: () => Promise.resolve(redis), expiresMs });
  }

  accepts(): boolean {
    return true;
  }

  async write(target: ResultTarget, result: NewResult, queue: string): Promise<void> {
    const { redis, clock, expiresMs, maxBytes, extendedBy: worker } = this.#options;
    const extended = worker === undefined ? undefined : { worker, queue };
    const record = encodeResult(target, result, { form: 'stored', now: clock.now(), extended });
    if (Buffer.byteLength(record) > maxBytes) throw tooLarge(target, maxBytes);
    await redis.run(script, [resultKey(target.id)], [record, Math.round(expiresMs)]);
  }

  close(): Promise<void> {
    return this.#options.redis.close();
  }
}

function tooLarge({ id }: ResultTarget, limit: number): CeleriacError {
  return new CeleriacError('ERR_MESSAGE_TOO_LARGE', {
    message: `The result of ${id} has over ${limit} bytes.`,
    hint: 'Store the data elsewhere and return a reference.',
    values: { id, limit },
  });
}
