/** Events of workers and tasks: every captured one of Celery 5.2.6 and 5.6.3 read, and written again as Celery wrote it. */
import { expect } from 'chai';

import type { TaskMessage } from '../../../dist/message.js';
import {
  decodeMonitoringEvents,
  encodeMonitoringEvent,
  encodeTaskEvents,
  type EventFields,
  failureFields,
  monitoringEvent,
  type MonitoringEvent,
  receivedFields,
  sentFields,
} from '../../../dist/protocol/monitoring-events.js';
import { type CapturedEvent, capturedEvents, propertiesOf, received } from './captures.js';

const message: TaskMessage = {
  ...{ kind: 'task', id: 'i', task: 'add', args: [2, 'three'], kwargs: { a: null }, retries: 1 },
  ...{ timeLimit: {}, rootId: 'r', headers: {} },
  embed: { callbacks: null, errbacks: null, chain: null, chord: null },
};
const shown = { isSensitive: false };

/** Written again from its own fields alone. */
function again(event: CapturedEvent): MonitoringEvent {
  const { hostname, pid, clock, timestamp, type, utcoffset: _ours, ...fields } = event;
  const source = { hostname, pid, forward: () => clock, now: () => timestamp * 1000 };
  return monitoringEvent(type, fields, source);
}

for (const version of ['5.2.6', '5.6.3'] as const) {
  describe(`captured events of Celery ${version}`, () => {
    const all = capturedEvents(version);

    it('are read, one by one and together', () => {
      for (const captured of all) {
        const decoded = decodeMonitoringEvents(received(captured));

        expect(decoded).to.deep.equal({ ok: true, events: [captured.body].flat() });
      }
      expect(all.length).to.be.greaterThan(5);
    });

    it('are written to the same address, with the same properties and fields', () => {
      for (const { routing_key: routingKey, properties, body } of all) {
        const events = [body].flat().map((event) => again(event));
        const encoded = Array.isArray(body)
          ? encodeTaskEvents(events)
          : encodeMonitoringEvent(events[0] as MonitoringEvent);

        expect(encoded.routingKey).to.equal(routingKey);
        expect(encoded.properties).to.deep.equal(propertiesOf(properties));
        const alike = (event: object): object => {
          const { timestamp } = event as CapturedEvent;
          return { ...event, utcoffset: 0, timestamp: Math.round(timestamp * 1000) };
        };
        const document = JSON.parse(encoded.body.toString()) as object | object[];
        expect([document].flat().map(alike)).to.deep.equal([body].flat().map(alike));
      }
    });
  });
}

describe('an event for monitors', () => {
  const fieldsOf = (type: string): readonly string[] => {
    const found = capturedEvents('5.6.3').flatMap<CapturedEvent>(({ body }) => [body].flat());
    const common = new Set(['type', 'hostname', 'pid', 'clock', 'timestamp', 'utcoffset']);
    const first = found.find((event) => event.type === type) ?? ({} as EventFields);
    return Object.keys(first).filter((name) => !common.has(name));
  };

  it('of a received task has the fields that Celery gives it, and the arguments as their sender shows them', () => {
    const fields = receivedFields(message, { headers: { argsrepr: '(*)', kwargsrepr: 7 } }, shown);

    expect(Object.keys(fields)).to.have.members(fieldsOf('task-received'));
    expect(fields).to.include({ uuid: 'i', name: 'add', args: '(*)', kwargs: "{'a': None}", root_id: 'r' });
    expect(fields).to.include({ parent_id: null, retries: 1, eta: null, expires: null });
  });

  it('cuts long arguments, and hides those of a sensitive task', () => {
    const long = receivedFields(message, { headers: { argsrepr: 'x'.repeat(5000) } }, shown);
    const hidden = receivedFields(message, { headers: { argsrepr: 'secret' } }, { isSensitive: true });

    expect(long.args)
      .to.have.length(1024)
      .and.match(/\.\.\.$/u);
    expect(hidden).to.include({ args: '(...)', kwargs: '{...}' });
  });

  it('of a failure prints the error as Python would, without a password', () => {
    const fields = failureFields(new TypeError("it's amqp://u:hunter2@h"));

    expect(Object.keys(fields)).to.have.members(fieldsOf('task-failed').filter((name) => name !== 'uuid'));
    expect(fields.exception).to.match(/^TypeError\("it's amqp:/u);
    expect(JSON.stringify(fields)).not.to.include('hunter2');
  });

  it('of a sent task has the fields that Celery gives it', () => {
    const headers = {
      root_id: 'r',
      parent_id: null,
      shadow: null,
      task: 'add',
      argsrepr: '()',
      kwargsrepr: '{}',
    };
    const fields = sentFields(
      { ...headers, retries: 0, eta: null, expires: null },
      { id: 'i', queue: 'q', exchange: '', routingKey: 'q' },
    );

    expect(Object.keys(fields)).to.have.members(fieldsOf('task-sent'));
    expect(fields).to.include({ uuid: 'i', name: 'add', queue: 'q', exchange: '', routing_key: 'q' });
  });

  it('that is none is refused or left out, whoever sent it', () => {
    const json = { contentType: 'application/json' };
    const of = (document: unknown): unknown =>
      decodeMonitoringEvents({ properties: json, body: Buffer.from(JSON.stringify(document)) });
    const whole = { type: 'worker-online', hostname: 'w', timestamp: 1 };

    expect(
      of([null, 7, {}, { ...whole, type: 9 }, { ...whole, hostname: 'x'.repeat(300) }, whole]),
    ).to.deep.equal({
      ok: true,
      events: [{ ...whole, clock: 0 }],
    });
    expect(of({ ...whole, clock: -1 })).to.deep.include({ events: [{ ...whole, clock: 0 }] });
    expect(decodeMonitoringEvents({ properties: json, body: Buffer.from('{') })).to.include({ ok: false });
    expect(decodeMonitoringEvents({ properties: {}, body: Buffer.from('{}') })).to.include({ ok: false });
    expect(
      decodeMonitoringEvents({ properties: json, body: Buffer.from('{}'), headerError: 'broken' }),
    ).to.include({ ok: false });
  });
});
