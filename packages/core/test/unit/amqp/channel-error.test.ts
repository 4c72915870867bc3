/** What RabbitMQ says when it closes a channel, over its versions. Text only. */
import { expect } from 'chai';

import {
  inequivalentArgument,
  missingExchange,
  refusedExchange,
  sizeLimit,
} from '../../../dist/amqp/channel-error.js';

/** As amqplib wraps the broker's words. */
const closed = (code: string, text: string): string =>
  `Channel closed by server: ${code} with message "${text}"`;
const mismatch = (text: string): string =>
  `Operation failed: QueueDeclare; 406 (PRECONDITION-FAILED) with message "PRECONDITION_FAILED - ${text}"`;

describe('missingExchange', () => {
  it('reads the name, also one with a quote in it', () => {
    const text = (name: string): string =>
      closed('404 (NOT-FOUND)', `NOT_FOUND - no exchange '${name}' in vhost '/'`);

    expect(missingExchange(text('nope'))).to.equal('nope');
    expect(missingExchange(text("it's"))).to.equal("it's");
  });

  it('is not told by a missing queue', () => {
    expect(missingExchange("NOT_FOUND - no queue 'q' in vhost '/'")).to.equal(undefined);
  });
});

describe('refusedExchange', () => {
  for (const text of [
    "ACCESS_REFUSED - access to exchange 'x' in vhost '/' refused for user 'u'", // to 3.10
    "ACCESS_REFUSED - write access to exchange 'x' in vhost '/' refused for user 'u'", // from 3.11
    "ACCESS_REFUSED - write access to topic 'a.b' in exchange 'x' in vhost '/' refused for user 'u'",
  ]) {
    it(`reads the exchange of '${text}'`, () => {
      expect(refusedExchange(closed('403 (ACCESS-REFUSED)', text))).to.equal('x');
    });
  }

  it('is not told by a refused queue', () => {
    const text = "ACCESS_REFUSED - configure access to queue 'q' in vhost '/' refused for user 'u'";

    expect(refusedExchange(text)).to.equal(undefined);
  });
});

describe('sizeLimit', () => {
  for (const text of [
    'message size 2097152 larger than max size 1048576',
    'message size 2097152 is larger than max size 1048576',
    'message size 2097152 is larger than configured max size 1048576',
    'message size 2097152 is larger than configured maximum size 1048576',
  ]) {
    it(`reads the limit of '${text}'`, () => {
      expect(sizeLimit(closed('406 (PRECONDITION-FAILED)', `PRECONDITION_FAILED - ${text}`))).to.equal(
        1048576,
      );
    });
  }

  it('is not told by another failed precondition', () => {
    expect(sizeLimit('PRECONDITION_FAILED - unknown delivery tag 5')).to.equal(undefined);
  });
});

describe('inequivalentArgument', () => {
  const cases = [
    [
      "inequivalent arg 'x-max-priority' for queue 'q' in vhost '/': received none but current is the value '10' of type 'signedint'",
      { argument: 'x-max-priority', wanted: 'none', present: '10' },
    ],
    [
      "inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received the value 'quorum' of type 'longstr' but current is none",
      { argument: 'x-queue-type', wanted: 'quorum', present: 'none' },
    ],
    [
      "inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received the value '1000' of type 'signedint' but current is the value '2000' of type 'long'",
      { argument: 'x-message-ttl', wanted: '1000', present: '2000' },
    ],
    [
      "inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'",
      { argument: 'durable', wanted: 'true', present: 'false' },
    ],
    [
      "inequivalent arg 'type' for exchange 'e' in vhost '/': received 'topic' but current is 'direct'",
      { argument: 'type', wanted: 'topic', present: 'direct' },
    ],
    [
      "inequivalent arg 'x-dead-letter-exchange' for queue 'it's: mine' in vhost 'a/b': received the value '' of type 'longstr' but current is none",
      { argument: 'x-dead-letter-exchange', wanted: '', present: 'none' },
    ],
  ] as const;
  for (const [text, expected] of cases) {
    it(`reads argument and both values of '${text}'`, () => {
      expect(inequivalentArgument(mismatch(text)), 'wrapped by amqplib').to.deep.equal(expected);
      expect(inequivalentArgument(`PRECONDITION_FAILED - ${text}`), 'alone').to.deep.equal(expected);
    });
  }

  it('is not told by another failed precondition', () => {
    expect(inequivalentArgument(mismatch("invalid arg 'x-expires' for queue 'q' in vhost '/'"))).to.equal(
      undefined,
    );
  });
});
