/** Messages of remote control: as Celery 5.6.3 sends them, and as nobody should. */
import { expect } from 'chai';

import {
  decodeControlReply,
  decodeControlRequest,
  encodeControlReply,
  encodeControlRequest,
} from '../../../dist/protocol/pidbox.js';

const json = { contentType: 'application/json', contentEncoding: 'utf-8' };
const message = (body: unknown, headers: Record<string, unknown> = {}) => ({
  properties: { ...json, headers },
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});

/** Captured from Celery 5.6.3: `control.ping(pattern='worker*', matcher='glob')`. */
const captured = {
  method: 'ping',
  arguments: {},
  destination: null,
  pattern: 'worker*',
  matcher: 'glob',
  ticket: '1391a480-de4c-41d5-819e-2de797c833c7',
  reply_to: { exchange: 'reply.celery.pidbox', routing_key: 'a3ab5f6c-d636-3ef2-aa7f-2ffc68016171' },
};

describe('pidbox', () => {
  it('writes a request as Celery does, and reads what it wrote', () => {
    const request = {
      method: 'ping',
      args: {},
      pattern: { text: 'worker*', matcher: 'glob' as const },
      ticket: captured.ticket,
      replyTo: { exchange: captured.reply_to.exchange, routingKey: captured.reply_to.routing_key },
      clock: 9,
    };
    const encoded = encodeControlRequest(request, { id: 'm1', expires: 1795579803.4230893 });

    expect(JSON.parse(encoded.body.toString())).to.deep.equal(captured);
    expect(encoded.properties).to.deep.include({
      ...json,
      headers: { clock: 9, expires: 1795579803.4230893 },
    });
    expect(decodeControlRequest(encoded)).to.deep.equal({
      ok: true,
      message: { destination: undefined, ...request },
    });
  });

  it('writes a reply as Celery does, with the ticket in its headers, and reads it', () => {
    const encoded = encodeControlReply(
      { node: 'worker1@host', value: { ok: 'pong' } },
      { id: 'm1', ticket: 't', clock: 3 },
    );

    expect(JSON.parse(encoded.body.toString())).to.deep.equal({ 'worker1@host': { ok: 'pong' } });
    expect(encoded.properties.headers).to.deep.equal({ ticket: 't', clock: 3 });
    expect(decodeControlReply(encoded)).to.deep.equal({
      ok: true,
      message: { ticket: 't', clock: 3, answers: [{ node: 'worker1@host', value: { ok: 'pong' } }] },
    });
  });

  it('takes an empty list of names for everyone, and arguments that are none for none', () => {
    const decoded = decodeControlRequest(message({ ...captured, destination: [], arguments: [1] }));
    expect(decoded).to.have.nested.property('message.destination', undefined);
    expect(decoded).to.have.nested.property('message.args').that.deep.equals({});
  });

  it('takes no clock that would stop other clocks', () => {
    for (const clock of [2 ** 53 - 1, -1, 0.5, '7', 2n ** 62n, null]) {
      expect(decodeControlRequest(message(captured, { clock })), String(clock)).to.have.nested.property(
        'message.clock',
        undefined,
      );
    }
  });

  it('says what is wrong with what is no request, and never throws', () => {
    for (const [what, problem] of [
      [{ ...message('{}'), headerError: 'cut short' }, /headers/u],
      [{ ...message('{}'), properties: { contentType: 'application/x-python-serialize' } }, /not JSON/u],
      [message('{"method":'), /./u],
      [message('[]'), /not a JSON object/u],
      [message({ arguments: {} }), /'method'/u],
      [message({ method: 'x'.repeat(256) }), /'method'/u],
      [message({ ...captured, matcher: 'sql' }), /matcher/u],
      [message(' '.repeat(8 * 2 ** 20 + 1)), /bytes/u],
    ] as const) {
      const decoded = decodeControlRequest(what);
      expect(decoded).to.have.property('ok', false);
      expect(decoded).to.have.property('problem').that.matches(problem);
    }
  });
});
