/** Events as CloudEvents: ours there and back, those of others, and the types made from a pattern. */
import { expect } from 'chai';
import fc from 'fast-check';

import { isCeleriacError } from '../../../dist/errors.js';
import type { EventMessage } from '../../../dist/message.js';
import { decodeEvent, encodeEvent } from '../../../dist/protocol/cloud-event.js';
import { stringifyJson } from '../../../dist/protocol/json.js';
import type { Received } from '../../../dist/protocol/received.js';

function message(document: unknown, contentType = 'application/cloudevents+json'): Received {
  const body = typeof document === 'string' ? document : JSON.stringify(document);
  return { properties: { contentType }, body: Buffer.from(body) };
}

const minimal = { specversion: '1.0', id: 'e1', source: '/crm', type: 'deal.closed' };

function event(extra: Partial<EventMessage> = {}): EventMessage {
  return { kind: 'event', id: 'e1', type: 't', source: 's', data: null, extensions: {}, ...extra };
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return isCeleriacError(error) ? error.code : String(error);
  }
  return 'none';
}

describe('encodeEvent', () => {
  it('writes subject and dataschema as they are given, and decodeEvent reads them', () => {
    const given = { subject: 'deal/7/stage', dataSchema: 'urn:example:deal:2' };
    const { body } = encodeEvent(event({ object: 'deal', objectId: 7, ...given }));

    expect(JSON.parse(body.toString())).to.include({ subject: given.subject, dataschema: given.dataSchema });
    const decoded = decodeEvent(message(body.toString()));
    expect(decoded.ok && decoded.message).to.include(given);
  });

  for (const [what, extra] of Object.entries({
    'an empty id': { id: '' },
    'an empty type': { type: '' },
    'an empty source': { source: '' },
    'an empty subject': { subject: '' },
    'a dataschema that is no URI': { dataSchema: 'deal.json' },
  })) {
    it(`refuses ${what}: receivers would`, () => {
      expect(codeOf(() => encodeEvent(event(extra)))).to.equal('ERR_INPUT_INVALID');
    });
  }

  it('writes every attribute of CloudEvents 1.0 in structured JSON', () => {
    const encoded = encodeEvent(
      event({
        type: 'core.limeobject.deal.update.v1',
        source: 'crm',
        time: Date.UTC(2026, 10, 25, 4, 9, 3, 317),
        object: 'deal',
        objectId: 7,
        data: { id: 7, values: { name: 'é' }, original_values: { name: 'e' } },
        extensions: { tenant: 'acme' },
      }),
    );

    expect(encoded.properties).to.deep.equal({
      contentType: 'application/cloudevents+json; charset=utf-8',
      messageId: 'e1',
      headers: {},
    });
    expect(JSON.parse(encoded.body.toString())).to.deep.equal({
      specversion: '1.0',
      id: 'e1',
      source: 'crm',
      type: 'core.limeobject.deal.update.v1',
      time: '2026-11-25T04:09:03.317000+00:00',
      subject: 'deal/7',
      datacontenttype: 'application/json',
      tenant: 'acme',
      data: { id: 7, values: { name: 'é' }, original_values: { name: 'e' } },
    });
  });

  it('is read back as it was', () => {
    const text = fc.string({ minLength: 1, maxLength: 20 });
    const name = fc.stringMatching(/^ext[a-z0-9]{1,10}$/u);
    fc.assert(
      fc.property(
        fc.record({
          id: text,
          type: text,
          source: text,
          data: fc.jsonValue(),
        }),
        fc.option(fc.integer({ min: 0, max: 4e12 }), { nil: undefined }),
        fc.dictionary(name, fc.oneof(fc.string(), fc.integer(), fc.boolean())),
        (parts, time, extensions) => {
          const whole = { ...event(), ...parts, extensions, ...(time === undefined ? {} : { time }) };
          const result = decodeEvent(encodeEvent(whole));
          if (!result.ok) throw result.error;
          const { objectId: _id, values: _values, originalValues: _original, ...read } = result.message;
          expect(stringifyJson(read.data)).to.equal(stringifyJson(whole.data));
          expect({ ...read, data: null }).to.deep.equal({ ...whole, data: null });
        },
      ),
    );
  });

  for (const name of ['data', 'id', 'specversion', 'Upper', 'with-dash', '', 'a'.repeat(21)]) {
    it(`refuses the extension '${name}'`, () => {
      expect(codeOf(() => encodeEvent(event({ extensions: { [name]: 1 } })))).to.equal('ERR_INPUT_INVALID');
    });
  }

  it('refuses data that JSON cannot carry', () => {
    expect(codeOf(() => encodeEvent(event({ data: { n: NaN } })))).to.equal('ERR_NOT_SERIALIZABLE');
  });
});

describe('decodeEvent', () => {
  it("reads an object's id, values and original values from its data", () => {
    const data = { id: 'd1', values: { a: 1 }, original_values: { a: 0 } };

    const result = decodeEvent(message({ ...minimal, data }));

    expect(result).to.have.property('ok', true);
    expect(result).to.have.deep.nested.property('message.values', { a: 1 });
    expect(result).to.have.deep.nested.property('message.originalValues', { a: 0 });
    expect(result).to.have.nested.property('message.objectId', 'd1');
  });

  it("reads another program's event: charset, extensions, RFC 3339 time, data of any kind", () => {
    const foreign = { ...minimal, time: '2018-04-05T17:31:00Z', comexampleextension1: 'value', data: [1, 2] };

    const result = decodeEvent(message(foreign, 'Application/CloudEvents+JSON; charset=UTF-8'));

    expect(result).to.deep.equal({
      ok: true,
      message: {
        kind: 'event',
        id: 'e1',
        source: '/crm',
        type: 'deal.closed',
        time: Date.UTC(2018, 3, 5, 17, 31),
        data: [1, 2],
        extensions: { comexampleextension1: 'value' },
      },
    });
  });

  it('reads binary data as bytes', () => {
    expect(decodeEvent(message({ ...minimal, data_base64: '/wA=' }))).to.have.deep.nested.property(
      'message.data',
      Buffer.from([0xff, 0]),
    );
  });

  it('keeps every digit of integers in data', () => {
    const text = JSON.stringify({ ...minimal, data: 0 }).replace('"data":0', '"data":9007199254740993');

    expect(decodeEvent(message(text))).to.have.nested.property('message.data', 9_007_199_254_740_993n);
  });

  const refused: readonly (readonly [string, Received, string])[] = [
    ['no specversion', message({ id: 'e', source: 's', type: 't' }), 'not-an-event'],
    ['another specversion', message({ ...minimal, specversion: '0.3' }), 'not-an-event'],
    ['no id', message({ ...minimal, id: undefined }), 'not-an-event'],
    ['an empty source', message({ ...minimal, source: '' }), 'not-an-event'],
    ['a type that is a number', message({ ...minimal, type: 1 }), 'not-an-event'],
    ['a list', message([minimal]), 'not-an-event'],
    ['a time that is none', message({ ...minimal, time: 'yesterday' }), 'bad-field'],
    ['a task', message([[], {}, {}], 'application/json'), 'content-type'],
    ['no JSON', message('{'), 'undecodable-body'],
    ['unreadable headers', { ...message(minimal), headerError: 'x' }, 'undecodable-headers'],
  ];
  for (const [what, one, reason] of refused) {
    it(`refuses ${what}: ${reason}`, () => {
      expect(decodeEvent(one)).to.include({ ok: false, reason });
    });
  }
});
