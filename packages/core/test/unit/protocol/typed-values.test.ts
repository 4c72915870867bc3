/** Kombu's typed objects: read where JavaScript has the type, left as they came elsewhere. */
import { expect } from 'chai';

import { parseJson, stringifyJson } from '../../../dist/protocol/json.js';
import { fromTypedJson } from '../../../dist/protocol/typed-values.js';

function typed(type: unknown, value: unknown): unknown {
  return { __type__: type, __value__: value };
}

describe('fromTypedJson', () => {
  const read: readonly (readonly [string, unknown, unknown])[] = [
    ['a moment', typed('datetime', '2024-01-02T03:04:05.678901+00:00'), new Date('2024-01-02T03:04:05.678Z')],
    [
      'a moment with another offset',
      typed('datetime', '2024-01-02T03:04:05+02:00'),
      new Date('2024-01-02T01:04:05Z'),
    ],
    ['a moment without offset, as text', typed('datetime', '2024-01-02T03:04:05'), '2024-01-02T03:04:05'],
    ['a date, as text', typed('date', '2024-01-02'), '2024-01-02'],
    ['a time, as text', typed('time', '03:04:05'), '03:04:05'],
    ['a decimal, as text', typed('decimal', '2.50'), '2.50'],
    [
      'a UUID',
      typed('uuid', { hex: '00000000000000000000000000000002' }),
      '00000000-0000-0000-0000-000000000002',
    ],
    ['bytes that are UTF-8', typed('bytes', 'é'), Buffer.from('é')],
    ['other bytes', typed('base64', '/wA='), Buffer.from([0xff, 0x00])],
  ];
  for (const [what, value, result] of read) {
    it(`reads ${what}`, () => {
      expect(fromTypedJson({ list: [value] })).to.deep.equal({ list: [result] });
    });
  }

  const kept: readonly (readonly [string, unknown])[] = [
    ['an unknown type', typed('nope', 1)],
    ['a type that is no text', typed(1, 'x')],
    ['a value that is not as the type says', typed('datetime', 5)],
    ['a UUID that is none', typed('uuid', { hex: 'xyz' })],
    ['an object with a third member', { __type__: 'bytes', __value__: 'x', more: 1 }],
    ['an object without a value', { __type__: 'bytes' }],
  ];
  for (const [what, value] of kept) {
    it(`leaves ${what} as it came`, () => {
      expect(fromTypedJson(value)).to.deep.equal(value);
    });
  }

  it('reads back the bytes that we write', () => {
    expect(fromTypedJson(parseJson(stringifyJson({ file: new Uint8Array([0, 255]) })))).to.deep.equal({
      file: Buffer.from([0, 255]),
    });
  });

  it('changes no prototype', () => {
    const value = fromTypedJson(parseJson('{"__proto__": {"admin": 1}}')) as object;

    expect(Object.getPrototypeOf(value)).to.equal(Object.prototype);
    expect(Object.hasOwn(value, '__proto__')).to.equal(true);
  });
});
