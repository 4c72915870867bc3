import { expect } from 'chai';

import { deadLetter, barest } from '../../dist/dead-letter.js';
import { errorText, isCeleriacError } from '../../dist/errors.js';
import type { Delivery } from '../../dist/ports.js';
import { redact } from '../../dist/redact.js';

const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const throwing = (name: string): Error =>
  Object.defineProperty(new Error('x'), name, {
    get() {
      throw new Error('getter');
    },
  });

const thrown: readonly (readonly [what: string, value: unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ['a symbol', Symbol('s')],
  ['a BigInt', 10n],
  ['a function', () => 1],
  ['an object without prototype', Object.create(null)],
  ['an error whose message is an object', Object.assign(new Error('x'), { message: { a: 1 } })],
  ['an error whose message throws', throwing('message')],
  ['an error whose code throws', throwing('code')],
  ['an error whose name is a symbol', Object.assign(new Error('x'), { name: Symbol('n') })],
  ['an error with a code of 60 KiB', Object.assign(new Error('x'), { code: 'c'.repeat(60_000) })],
  ['a revoked proxy', revoked()],
];

function delivery(parts: Partial<Delivery> = {}): Delivery {
  return {
    queue: 'q',
    exchange: '',
    routingKey: 'q',
    redelivered: false,
    properties: {},
    body: Buffer.from('body'),
    live: true,
    onLost: () => () => undefined,
    ack: () => undefined,
    requeue: () => undefined,
    ...parts,
  };
}
const by = { worker: 'w', at: new Date(0) };

describe('whatever is thrown', () => {
  for (const [what, error] of thrown) {
    it(`${what} has a text and makes a dead letter with short texts`, () => {
      expect(errorText(error)).to.be.a('string');
      expect(isCeleriacError(error)).to.equal(false);

      const { headers = {} } = deadLetter(delivery(), { reason: 'failed', error }, by).properties;

      expect(headers['celeriac-error']).to.be.a('string');
      expect(Buffer.byteLength(headers['celeriac-error-type'] as string)).to.be.at.most(255);
    });
  }
});

describe('a dead letter of a hostile message', () => {
  const cause = { reason: 'failed', error: new Error('x') } as const;

  it('is not routed by the CC and BCC headers of the original', () => {
    const headers = { CC: ['q'], BCC: ['r'], mine: 1 };
    const letter = deadLetter(delivery({ properties: { headers } }), cause, by);

    expect(letter.properties.headers).to.include({ mine: 1 }).and.not.to.have.any.keys('CC', 'BCC');
    expect(letter.properties.headers?.['celeriac-cc']).to.deep.equal(['q']);
  });

  it('cuts properties that grew beyond 255 bytes when their bytes were read as UTF-8', () => {
    const long = '\uFFFD'.repeat(200);
    const properties = { appId: long, correlationId: long, contentType: long };
    const letter = deadLetter(delivery({ properties }), cause, by);

    for (const name of ['appId', 'correlationId', 'contentType', 'messageId'] as const) {
      expect(Buffer.byteLength(letter.properties[name] ?? ''), name).to.be.within(1, 255);
    }
  });

  it('keeps body and reason, and drops all that came with it, at its barest', () => {
    const rawHeaders = Buffer.alloc(100_000);
    const whole = deadLetter(delivery({ properties: { headers: { a: 1 } }, rawHeaders }), cause, by);
    const { body, properties } = barest(whole);

    expect(body.toString()).to.equal('body');
    expect(properties.headers).to.include({ 'celeriac-reason': 'failed', 'celeriac-headers-dropped': true });
    expect(properties.headers).not.to.have.any.keys('a', 'celeriac-raw-headers');
  });
});

describe('masking passwords', () => {
  for (const [text, masked] of [
    ['amqp://me:pw@host/v', 'amqp://me:***@host/v'],
    ['amqp://me@host', 'amqp://me@host'],
    ['a amqp://u:p@h;amqps://v:q@i b', 'a amqp://u:***@i b'],
    ['x "redis://:secret@h" y http://plain/path', 'x "redis://:***@h" y http://plain/path'],
    ['amqp://u:p@ss@host', 'amqp://u:***@host'],
    ['://no:scheme@x', '://no:scheme@x'],
    ['no url at all', 'no url at all'],
  ] as const) {
    it(`shows ${masked}`, () => {
      expect(redact(text)).to.equal(masked);
    });
  }

  it('gets through a megabyte of letters and slashes, which a backtracking pattern would not', () => {
    const text = `${'x'.repeat(500_000)}${'a://'.repeat(100_000)}`;

    expect(redact(text)).to.equal(text);
  });
});
