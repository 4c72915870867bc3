/** A connection string means the same to Kombu and to Celeriac: host, port, vhost, user and password. */
import { isCeleriacError, parseConnectionString } from '@celeriac/core';
import { expect } from 'chai';

import { pythonComputes, requireCelery } from '../support/python.js';

const same = [
  'amqp://h',
  'amqp://h/',
  'amqp://h//',
  'amqp://h/%2f',
  'amqp://h/%2F',
  'amqp://h/app',
  'amqp://h//app',
  'amqp://h/a%2Fb',
  'amqp://h/a/b',
  'amqp://h/%61pp',
  'amqp://h/app?heartbeat=5',
  'amqp://h:5673/app',
  'amqps://h/app',
  'pyamqp://h/app',
  'amqp://u@h/app',
  'amqp://u:p@h/app',
  'amqp://u:@h/app',
  'amqp://u%3Av:p@h/app',
  'amqp://u:p%40ss%2Fw%23rd%3F%5B1%5D%25%3A%2B@h/app',
  'amqp://u:a+b@h/app',
  'amqp://u:p%C3%A4ss@h/%C3%A9t%C3%A9',
  'amqp://127.0.0.1:5672//',
] as const;

/** Kombu reads these, each in a way nobody means: ADR 9. */
const refused = ['amqp://h/app/', 'amqp://u:%zz@h/', 'amqp://u:pa#ss@h/app', 'amqp://u:p@ss@h/app'] as const;

interface Meaning {
  readonly hostname: string;
  readonly port: number;
  readonly vhost: string;
  readonly username: string;
  readonly password: string;
}

describe('a connection string', function () {
  let kombu: readonly (Meaning | null)[];

  before(function () {
    requireCelery(this);
    kombu = pythonComputes('parse_urls.py', JSON.stringify(same)) as typeof kombu;
  });

  for (const [index, url] of same.entries()) {
    it(`is read as Kombu reads it: ${url}`, () => {
      const [address] = parseConnectionString(url).addresses;
      const { hostname, port, vhost, username, password } = address!;

      expect({ hostname, port, vhost, username, password }).to.deep.equal(kombu[index]);
    });
  }

  for (const url of refused) {
    it(`is refused, whatever Kombu makes of it: ${url}`, () => {
      expect(() => parseConnectionString(url))
        .to.throw()
        .that.satisfies((error: unknown) => isCeleriacError(error, 'ERR_CONNECTION_STRING'));
    });
  }
});
