import { inspect } from 'node:util';

import { expect } from 'chai';

import { isCeleriacError } from '../../../dist/errors.js';
import { parseRedisAddress } from '../../../dist/redis/redis-address.js';

const read = (text: string): object => {
  const { isTls, hostname, port, database, username, password } = parseRedisAddress(text);
  return { isTls, hostname, port, database, username, password };
};
const local = { isTls: false, hostname: 'localhost', port: 6379, database: 0 };

describe('the address of a Redis server', () => {
  it('fills in what is left out', () => {
    const none = { username: undefined, password: undefined };

    expect(read('redis://')).to.deep.equal({ ...local, ...none });
    expect(read('redis://cache')).to.deep.equal({ ...local, hostname: 'cache', ...none });
    expect(read('rediss://[::1]:7000/3')).to.deep.equal({
      isTls: true,
      hostname: '::1',
      port: 7000,
      database: 3,
      ...none,
    });
  });

  it('decodes user and password, and takes a password without a user as Celery writes it', () => {
    expect(read('redis://:p%40ss@h')).to.deep.equal({
      ...local,
      hostname: 'h',
      username: undefined,
      password: 'p@ss',
    });
    expect(read('redis://me:p%C3%A4ss@h')).to.include({ username: 'me', password: 'päss' });
  });

  it('shows no password, however it is printed', () => {
    const address = parseRedisAddress('redis://me:canary@h:1/2');

    for (const shown of [address.toString(), JSON.stringify({ address }), inspect({ address })]) {
      expect(shown).to.contain('redis://me:***@h:1/2').and.not.to.contain('canary');
    }
    expect(JSON.stringify(Object.entries(address))).not.to.contain('canary');
    expect(parseRedisAddress(address.secretText()).password).to.equal('canary');
  });

  for (const text of [
    'amqp://h',
    'redis:h',
    'redis://h:0',
    'redis://h:99999',
    'redis://canary@x@h',
    'redis://[canary]',
    'redis://:canary%zz@h',
    'redis://h/a',
    'redis://h o',
  ]) {
    it(`refuses ${text}, and does not repeat it`, () => {
      let thrown: unknown;
      try {
        parseRedisAddress(text);
      } catch (error) {
        thrown = error;
      }

      expect(isCeleriacError(thrown, 'ERR_CONNECTION_STRING')).to.equal(true);
      expect(String(thrown)).not.to.contain('canary');
    });
  }
});
