/** The example of webhooks: signed, tried again, put aside, and never inside of the network it runs in. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

import type { EventMessage } from '@celeriac/core';
import { startBroker } from '@celeriac/dev-broker';
import { deliver, type DeliveryLimits } from '@celeriac/examples/dist/webhooks/deliver.js';
import {
  AddressRefused,
  checkedLookup,
  isPublicAddress,
  publicOnly,
} from '@celeriac/examples/dist/webhooks/public-address.js';
import { isSigned, sign } from '@celeriac/examples/dist/webhooks/signature.js';
import { addWebhooks } from '@celeriac/examples/dist/webhooks/subscriptions.js';
import { defineEvents } from '@celeriac/publisher';
import { expect } from 'chai';

import { configFor, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const other = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
/** The server of the test is on this machine. */
const local: DeliveryLimits = { allowHttp: true, checkAddress: () => undefined };

interface Got {
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** A receiver that answers as it is told, request by request; the last answer stands for all that follow. */
class Receiver implements AsyncDisposable {
  readonly got: Got[] = [];
  #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(...answers: ((response: ServerResponse) => void)[]): Promise<Receiver> {
    const server = createServer((request, response) => {
      void buffer(request).then((body) => {
        const answer = answers[Math.min(receiver.got.length, answers.length - 1)];
        receiver.got.push({ headers: request.headers, body });
        answer?.(response);
      });
    });
    const receiver = new Receiver(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

const status =
  (code: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    void response.writeHead(code, headers).end();
const event: EventMessage = {
  kind: 'event',
  id: 'e1',
  type: 'core.limeobject.deal.new.v1',
  source: 'shop',
  data: { id: 7 },
  extensions: {},
};

describe('a webhook', () => {
  it('is signed with every secret, and is what was published', async () => {
    await using receiver = await Receiver.start(status(204));
    await deliver(event, { url: receiver.url, secrets: [other, secret] }, local);

    const [got] = receiver.got as [Got];
    expect(got.headers).to.include({
      'webhook-id': 'e1',
      'content-type': 'application/cloudevents+json; charset=utf-8',
    });
    expect(JSON.parse(got.body.toString())).to.include({ id: 'e1', type: event.type });
    const now = Date.now();
    expect(isSigned({ ...got, now }, secret)).to.equal(true);
    expect(isSigned({ ...got, now }, other)).to.equal(true);
    expect(isSigned({ ...got, now }, `whsec_${Buffer.alloc(32, 9).toString('base64')}`)).to.equal(false);
    expect(isSigned({ ...got, body: Buffer.from('{}'), now }, secret)).to.equal(false);
    expect(isSigned({ ...got, headers: { ...got.headers, 'webhook-id': 'e2' }, now }, secret)).to.equal(
      false,
    );
    expect(isSigned({ ...got, now: now + 400_000 }, secret)).to.equal(false);
    expect(isSigned({ ...got, now: now - 400_000 }, secret)).to.equal(false);
  });

  it('has the signature of the standard', () => {
    const given = {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      time: 1_614_265_330_000,
      body: Buffer.from('{"test": 2432232314}'),
    };
    expect(sign(given, ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'])['webhook-signature']).to.equal(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
    expect(() => sign(given, ['short'])).to.throw(/at least 24 bytes/u);
  });

  const refused: readonly (readonly [
    what: string,
    answer: (response: ServerResponse) => void,
    name: string,
    text: RegExp,
  ])[] = [
    [
      'a redirect, which is not followed',
      status(302, { location: 'http://127.0.0.1:1/' }),
      'Reject',
      /302: redirects/u,
    ],
    ['what the receiver will never take', status(410), 'Reject', /410/u],
    ['what it may take later', status(500), 'Error', /500/u],
    ['what it will take in a while', status(429, { 'retry-after': '7' }), 'Retry', /429/u],
  ];
  for (const [what, answer, name, text] of refused) {
    it(`fails for ${what}`, async () => {
      await using receiver = await Receiver.start(answer);
      const error = await rejection(deliver(event, { url: receiver.url, secrets: [secret] }, local));

      expect([error.name, error.message]).to.satisfy(
        ([is, says]: [string, string]) => is === name && text.test(says),
        String(error),
      );
      if (name === 'Retry') expect(error).to.have.property('delayMs', 7000);
      expect(receiver.got).to.have.length(1);
    });
  }

  it('is over at its deadline, before the answer and in the middle of it', async () => {
    await using receiver = await Receiver.start(
      () => undefined,
      (response) => void response.writeHead(200).write('a'),
    );
    for (let time = 0; time < 2; time++) {
      const error = await rejection(
        deliver(event, { url: receiver.url, secrets: [secret] }, { ...local, timeout: 300 }),
      );
      expect(error.message).to.equal('No answer within 300 ms.');
    }
  });

  it('is not read beyond what anybody needs, and not sent beyond what webhooks have', async () => {
    const endless = (response: ServerResponse): void => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384)));
      };
      response.on('drain', more);
      more();
    };
    await using receiver = await Receiver.start(endless);
    await deliver(event, { url: receiver.url, secrets: [secret] }, local);
    const long = { ...event, data: 'x'.repeat(300_000) };
    const error = await rejection(deliver(long, { url: receiver.url, secrets: [secret] }, local));

    expect([error.name, receiver.got.length]).to.deep.equal(['Reject', 1]);
  });

  for (const url of [
    'https://127.0.0.1/',
    'https://2130706433/', // the same in one number
    'https://[::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://169.254.169.254/latest/meta-data',
    'https://localhost/',
    'http://1.1.1.1/',
    'https://user:secret@1.1.1.1/',
    'file:///etc/passwd',
    'hook',
  ]) {
    it(`never goes to ${url}`, async () => {
      const error = await rejection(deliver(event, { url, secrets: [secret] }));
      expect(error.name).to.equal('Reject');
      expect(error.message).not.to.match(/secret|169|127/u);
    });
  }
});

describe('the addresses of webhooks', () => {
  it('are public', () => {
    const public_ = ['1.1.1.1', '93.184.215.14', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00::1'];
    const not = [
      ...[
        '0.0.0.0',
        '10.1.2.3',
        '100.64.0.1',
        '127.8.8.8',
        '169.254.169.254',
        '172.16.0.1',
        '172.31.255.255',
      ],
      ...['192.0.0.8', '192.168.1.1', '198.18.0.1', '224.0.0.1', '255.255.255.255', '', 'localhost', '1.1.1'],
      ...['::', '::1', '::ffff:1.1.1.1', '64:ff9b::7f00:1', 'fc00::1', 'fd12::1', 'fe80::1', 'ff02::1'],
      ...['2001::1', '2001:db8::1', '2002:7f00:1::1', '3fff::1'],
    ];
    expect(public_.filter((one) => !isPublicAddress(one))).to.deep.equal([]);
    expect(not.filter(isPublicAddress)).to.deep.equal([]);
  });

  it('are all checked when the name is looked up, once, and the connection goes to one of these', async () => {
    const asked: string[] = [];
    const lookup = (...addresses: string[]) =>
      checkedLookup(publicOnly, (host, _options, done) => {
        asked.push(host);
        done(
          null,
          addresses.map((address) => ({ address, family: 4 })),
        );
      });
    const found = (addresses: string[], all: boolean): Promise<unknown> =>
      new Promise((resolve) =>
        lookup(...addresses)('a.example', { all }, (error, address) => resolve(error ?? address)),
      );

    expect(await found(['1.1.1.1', '8.8.8.8'], false)).to.equal('1.1.1.1');
    expect(await found(['1.1.1.1', '8.8.8.8'], true)).to.have.length(2);
    expect(await found(['1.1.1.1', '10.0.0.1'], true)).to.be.instanceOf(AddressRefused);
    expect(await found(['10.0.0.1'], false)).to.be.instanceOf(AddressRefused);
    expect(await found([], false)).to.be.instanceOf(Error);
    expect(asked).to.have.length(5);
  });
});

describe('subscriptions to webhooks', () => {
  it('get what they asked for, again after a failure under the same id, and put aside what is refused', async () => {
    await using broker = await startBroker();
    await using flaky = await Receiver.start(status(500), status(200));
    await using gone = await Receiver.start(status(410));
    await using watched = new WatchedWorker(configFor(broker.url));
    addWebhooks(
      watched.worker,
      [
        { name: 'flaky', url: flaky.url, events: 'deal.*', secrets: [secret] },
        { name: 'gone', url: gone.url, events: '*.deleted', secrets: [secret] },
      ],
      { ...local, retry: { max: 3, delay: '1s', jitter: false } },
    );
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(broker.url));
    const [deal, person] = [defineEvents({ object: 'deal' }), defineEvents({ object: 'person' })];
    const { id } = await sender.publisher.publishEvent(deal.created, { id: 1 });
    await sender.publisher.publishEvent(person.deleted, { id: 2 });

    const settled = await watched.untilSettled(3);

    expect(flaky.got.map(({ headers }) => headers['webhook-id'])).to.deep.equal([id, id]);
    expect(gone.got).to.have.length(1);
    expect(settled.map(({ queue, verdict }) => `${queue} ${verdict.kind}`).sort()).to.deep.equal([
      'events.webhooks.flaky ack',
      'events.webhooks.flaky retry',
      'events.webhooks.gone deadLetter',
    ]);
  });
});
