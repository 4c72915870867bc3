/** Looks at a Redis server that results or keys are kept in. Writes nothing there. */
import type { Clock } from '../clock.js';
import type { RedisConnection } from '../redis/redis-connection.js';
import { clockCheck } from './clock-skew.js';
import { type Check, ok, skipped, warning } from './check.js';
import { failure } from './failure.js';

/** `subject`: `results`, `key store`. Closes the connection. Never rejects. */
export async function redisChecks(
  subject: string,
  open: () => Promise<RedisConnection>,
  clock: Clock,
): Promise<readonly Check[]> {
  let connection: RedisConnection | undefined;
  try {
    connection = await open();
    await connection.ready();
    const version = await versionOf(connection);
    return [
      ok(subject, `Redis ${version} answers at ${connection.address.toString()}`),
      await memoryCheck(subject, connection),
      await timeCheck(subject, connection, clock),
    ];
  } catch (error) {
    return [failure(subject, error)];
  } finally {
    await connection?.close();
  }
}

async function versionOf(connection: RedisConnection): Promise<string> {
  const info = await connection.command(({ client }) => client.info('server'));
  return /redis_version:(\S+)/u.exec(info)?.[1] ?? 'of an unknown version';
}

/** What is evicted is a result nobody gets, or a key that lets a task run twice. */
async function memoryCheck(subject: string, connection: RedisConnection): Promise<Check> {
  const what = `${subject}, memory`;
  const info = await connection.command(({ client }) => client.info('memory'));
  const policy = /maxmemory_policy:(\S+)/u.exec(info)?.[1];
  const most = Number(/maxmemory:(\d+)/u.exec(info)?.[1] ?? 0);
  if (policy === undefined) return skipped(what, 'the server does not say what it evicts');
  if (most === 0 || policy === 'noeviction') return ok(what, `nothing is evicted (${policy})`);
  return warning(
    what,
    `full, the server throws away what is kept (maxmemory-policy ${policy})`,
    'Set maxmemory-policy to noeviction: a full server then refuses, and that is told.',
  );
}

async function timeCheck(subject: string, connection: RedisConnection, clock: Clock): Promise<Check> {
  const before = clock.now();
  const [seconds = 0, micros = 0] = (await connection.command(({ client }) => client.time())).map(Number);
  const after = clock.now();
  const there = seconds * 1000 + micros / 1000;
  return clockCheck(`clock of ${subject}`, there - (before + after) / 2, (after - before) / 2);
}
