/** What a worker is called, and who is meant by a request. */
import { loadConfig } from '@celeriac/core';
import { expect } from 'chai';

import { isMeant, matchesGlob, nodeName } from '../../../dist/control/node-name.js';

const here = { host: 'web3', pid: 42 };
const named = async (node_name?: string): Promise<string> =>
  nodeName(await loadConfig({ service: 'shop', task_handler: { node_name } }, { env: {} }), here);

describe('nodeName', () => {
  it('is made of service, process and host, so that no two are alike', async () => {
    expect(await named()).to.equal('shop-42@web3');
  });

  it('is what is configured, with the host where it names none', async () => {
    expect(await named('one')).to.equal('one@web3');
    expect(await named('one@two')).to.equal('one@two');
    expect(await named('w%p@%h.local')).to.equal('w42@web3.local');
  });
});

describe('isMeant', () => {
  const meant = (request: object): boolean => isMeant({ method: 'ping', args: {}, ...request }, 'a@one');

  it('is everyone, those that are named, or those whose names match', () => {
    expect(meant({})).to.equal(true);
    expect(meant({ destination: ['b@one'] })).to.equal(false);
    expect(meant({ destination: ['b@one', 'a@one'], pattern: { text: 'x', matcher: 'glob' } })).to.equal(
      true,
    );
    expect(meant({ pattern: { text: 'a@*', matcher: 'glob' } })).to.equal(true);
    expect(meant({ pattern: { text: 'b@*', matcher: 'glob' } })).to.equal(false);
  });

  it('is nobody for a regular expression', () => {
    expect(meant({ pattern: { text: '.*', matcher: 'pcre' } })).to.equal(false);
  });
});

describe('matchesGlob', () => {
  it('matches whole names', () => {
    for (const [pattern, text, matches] of [
      ['a', 'a', true],
      ['a', 'ab', false],
      ['?', '', false],
      ['a?c', 'abc', true],
      ['*', '', true],
      ['a*c', 'abbc', true],
      ['a*c*', 'abbcd', true],
      ['a*d', 'abbc', false],
      ['*aa*', 'abaab', true],
    ] as const) {
      expect(matchesGlob(pattern, text), `${pattern} ${text}`).to.equal(matches);
    }
  });

  it('takes no time over a pattern that is made to', () => {
    expect(matchesGlob('*a'.repeat(128), 'a'.repeat(100_000) + 'b')).to.equal(false);
    expect(matchesGlob('*'.repeat(1_000_000), 'a')).to.equal(false);
  });
});
