/** Which replies of a Redis server pass by themselves, and which say that something is set up wrongly. */
import { expect } from 'chai';

import { parseRedisAddress } from '../../../dist/redis/redis-address.js';
import { redisFailure } from '../../../dist/redis/redis-error.js';

const address = parseRedisAddress('redis://:canary@localhost');

function codeOf(text: string): string {
  return redisFailure(address, Object.assign(new Error(text), { name: 'ReplyError' })).code;
}

const inScript = 'ERR Error running script (call to f_0123): @user_script:11: -';

describe('a reply of Redis', () => {
  for (const text of [
    'LOADING Redis is loading the dataset in memory',
    "READONLY You can't write against a read only replica.",
    "OOM command not allowed when used memory > 'maxmemory'. script: 0123, on @user_script:11.",
    'MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.',
    'NOREPLICAS Not enough good replicas to write.',
    `${inScript}OOM command not allowed when used memory > 'maxmemory'.`,
    `${inScript}READONLY You can't write against a read only replica.`,
  ]) {
    it(`passes: ${text.slice(0, 70)}`, () => {
      expect(codeOf(text)).to.equal('ERR_REDIS_UNAVAILABLE');
    });
  }

  for (const text of [
    'NOAUTH Authentication required.',
    'NOPERM this user has no permissions to run the command',
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    `${inScript}WRONGTYPE Operation against a key holding the wrong kind of value`,
    'ERR unknown command: OOM',
  ]) {
    it(`refuses: ${text.slice(0, 70)}`, () => {
      expect(codeOf(text)).to.equal('ERR_REDIS_REFUSED');
    });
  }
});
