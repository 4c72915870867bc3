/** Which broker, vhost and credentials a connection string means, and that its password stays in it. */
import { inspect } from 'node:util';

import { expect } from 'chai';
import fc from 'fast-check';

import {
  type BrokerAddress,
  formatConnectionString,
  parseConnectionString,
} from '../../../dist/config/connection-string.js';
import { type CeleriacError, isCeleriacError } from '../../../dist/errors.js';

function only(text: string): BrokerAddress {
  const { addresses } = parseConnectionString(text);
  expect(addresses).to.have.length(1);
  return addresses[0]!;
}

function refused(text: string): CeleriacError {
  try {
    parseConnectionString(text);
  } catch (error) {
    if (isCeleriacError(error, 'ERR_CONNECTION_STRING')) return error;
    throw error;
  }
  throw new Error('It was accepted.');
}

/** Everything people may print of an error. */
const everyFace = (error: Error): string =>
  [error.message, error.stack, inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error)].join(
    '\n',
  );

describe('parseConnectionString', () => {
  // K21-2; the same as kombu 5.2 except for the trailing slash, which is an error here.
  const vhosts: readonly (readonly [string, string])[] = [
    ['amqp://h', '/'],
    ['amqp://h/', '/'],
    ['amqp://h//', '/'],
    ['amqp://h/%2f', '/'],
    ['amqp://h/%2F', '/'],
    ['amqp://h/app', 'app'],
    ['amqp://h//app', '/app'],
    ['amqp://h/a%2Fb', 'a/b'],
    ['amqp://h/a/b', 'a/b'],
    ['amqp://h/%61pp', 'app'],
    ['amqp://h/app?heartbeat=5', 'app'],
    ['amqp://h/caf%C3%A9', 'café'],
  ];
  for (const [text, vhost] of vhosts) {
    it(`reads the vhost of ${text} as ${vhost}`, () => {
      expect(only(text).vhost).to.equal(vhost);
    });
  }

  it('refuses a vhost that ends with a slash and names the slash', () => {
    const error = refused('amqp://h/app/');

    expect(error.values.part).to.equal('vhost');
    expect(error.message).to.contain('"/"');
  });

  it('takes 5672 for amqp and pyamqp and 5671 for amqps when no port is given', () => {
    expect(only('amqp://h').port).to.equal(5672);
    expect(only('pyamqp://h')).to.include({ port: 5672, protocol: 'amqp' });
    expect(only('amqps://h')).to.include({ port: 5671, protocol: 'amqps' });
  });

  it('takes guest for a missing or empty user and password', () => {
    expect(only('amqp://h')).to.include({ username: 'guest', password: 'guest' });
    expect(only('amqp://me@h')).to.include({ username: 'me', password: 'guest' });
    expect(only('amqp://me:@h')).to.include({ username: 'me', password: 'guest' });
  });

  it('reads IPv6 addresses in brackets and an empty host as localhost', () => {
    expect(only('amqp://[::1]:5673/x')).to.include({ hostname: '::1', port: 5673 });
    expect(only('amqp://').hostname).to.equal('localhost');
    expect(refused('amqp://[nope]/').values.part).to.equal('host');
  });

  it('keeps the order of a failover list, each address with its own credentials', () => {
    const { addresses } = parseConnectionString('amqp://a:1@one;amqps://b:2@two/x');

    expect(
      addresses.map(({ hostname, username, password, vhost }) => [hostname, username, password, vhost]),
    ).to.deep.equal([
      ['one', 'a', '1', '/'],
      ['two', 'b', '2', 'x'],
    ]);
  });

  // K21-3.
  it('decodes a percent-encoded password exactly, with plus as plus', () => {
    expect(only('amqp://u%3Ax:p%40ss%2Fw%23rd%3F%5B1%5D%25%3A+@h').password).to.equal('p@ss/w#rd?[1]%:+');
    expect(only('amqp://u%3Ax:pw@h').username).to.equal('u:x');
  });

  for (const raw of [
    'ca/nary',
    'ca#nary',
    'ca@nary',
    'ca[nary',
    'ca?nary',
    'ca%zznary',
    'ca%FFnary',
    'ca nary',
    'ca;nary',
  ]) {
    it(`refuses the raw password form ${raw}, says to percent-encode and does not show it`, () => {
      const error = refused(`amqp://me:${raw}@h/`);

      expect(error.message).to.match(/percent-encode/iu);
      expect(everyFace(error).replaceAll(/parseConnectionString|connection-string/gu, '')).not.to.match(
        /nary/u,
      );
    });
  }

  it('does not take the password for a port when the at sign is forgotten', () => {
    const error = refused('amqp://me:canary');

    expect(error.values.part).to.equal('port');
    expect(everyFace(error)).not.to.contain('canary');
  });

  it('names the address of the list that is wrong', () => {
    expect(refused('amqp://a;amqp://b:99999').values).to.deep.include({
      part: 'port',
      which: 'address 2 of 2',
    });
    expect(refused('amqp://a;').values).to.deep.include({ which: 'address 2 of 2' });
  });

  it('reads heartbeat in seconds and connection_timeout in milliseconds', () => {
    expect(only('amqp://h?heartbeat=5&connection_timeout=1500')).to.include({
      heartbeat: 5,
      connectTimeout: 1.5,
    });
    expect(refused('amqp://h?heartbeat=x').values.part).to.equal('query');
    expect(refused('amqp://h?heartbeat=1&heartbeat=2').values.part).to.equal('query');
  });

  it('suggests the nearest query key, and the tls section for certificates', () => {
    expect(refused('amqp://h?heartbeet=5').message).to.contain('Did you mean heartbeat?');
    expect(refused('amqp://h?cacertfile=x').message).to.contain('section "tls"');
  });

  it('reads the address of a broker in the process: a name and a virtual host, and nothing else', () => {
    const parts = { protocol: 'memory', hostname: '', port: 0, vhost: '/' };
    expect(only('memory://')).to.include(parts);
    expect(only('MEMORY://shop/te%20st')).to.include({ ...parts, hostname: 'shop', vhost: 'te st' });
    expect(String(only('memory://shop/te%20st'))).to.equal('memory://shop/te%20st');
    expect(String(only('memory:////'))).to.equal('memory://');
    for (const wrong of [
      'memory://me:hunter2@h',
      'memory://h:5672',
      'memory://h?heartbeat=5',
      'memory://#',
    ]) {
      const { message } = refused(wrong);
      expect(message).to.contain('neither user, port nor query');
      expect(message).not.to.contain('hunter2');
    }
  });

  it('says what to write instead of amqp+ssl and an unknown scheme', () => {
    expect(refused('memori://').message).to.contain('Did you mean memory://?');
    expect(refused('amqp+ssl://h').message).to.contain('amqps://');
    expect(refused('ampq://h').message).to.contain('Did you mean amqp://?');
    expect(refused('localhost').values.part).to.equal('scheme');
  });

  const words = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter((text) => !text.includes('\0'));

  it('reads back any user, password and vhost that formatConnectionString wrote', () => {
    fc.assert(
      fc.property(words, words, words, (username, password, vhost) => {
        const parts = { protocol: 'amqps', hostname: '::1', port: 1, username, password, vhost } as const;

        expect(only(formatConnectionString([parts]))).to.include(parts);
      }),
    );
  });

  it('never shows the password of a connection string it has read', () => {
    const secret = fc
      .string({ unit: 'grapheme', maxLength: 12 })
      .map((text) => `canary${text.replaceAll('\0', '')}`);
    fc.assert(
      fc.property(secret, (password) => {
        const parts = {
          protocol: 'amqp',
          hostname: 'h',
          port: 1,
          username: 'me',
          password,
          vhost: '/',
        } as const;
        const read = parseConnectionString(formatConnectionString([parts, parts]));
        const faces = [
          String(read),
          JSON.stringify(read),
          inspect(read, { depth: 9, showHidden: true, getters: true }),
        ];
        const address = read.addresses[0]!;
        faces.push(
          String(address),
          JSON.stringify(Object.entries(address)),
          inspect(address, { customInspect: false }),
        );

        expect(faces.join('\n')).not.to.contain('canary');
        expect(address.password).to.equal(password);
      }),
    );
  });

  it('never shows a raw password in an error, whatever is in it', () => {
    const bad = fc.constantFrom('/', '#', '@', '?', '[', ']', '%zz', ' ', '\n', ';', '%', '%FF');
    const piece = fc.oneof(fc.string({ unit: 'binary', maxLength: 4 }), bad);
    fc.assert(
      fc.property(piece, bad, piece, (before, between, after) => {
        const text = `amqp://me:canary${before}canary${between}${after}canary@h/`;
        try {
          parseConnectionString(text);
        } catch (error) {
          expect(isCeleriacError(error, 'ERR_CONNECTION_STRING')).to.equal(true);
          expect(everyFace(error as Error)).not.to.contain('canary');
        }
      }),
      { numRuns: 500 },
    );
  });
});
