/**
 * Where the embedded broker is known to differ from RabbitMQ 3.10: data, for the tests that hold both to it and for the
 * table in docs/embedded-broker.md. A difference that is not here fails the suite.
 */
export interface Difference {
  readonly what: string;
  readonly rabbitmq: string;
  readonly embedded: string;
  readonly why: string;
}

export const differences = {
  userId: {
    what: '`user_id` of a message',
    rabbitmq: "406 when it is not the connection's user",
    embedded: 'taken as it is',
    why: 'users are there to be let in, not to be told apart',
  },
  integerTypes: {
    what: 'The type of an integer in a refusal',
    rabbitmq: 'as the client wrote it: `byte`, `short`, `signedint`, `long`',
    embedded: '`signedint`',
    why: 'JavaScript has one number; the value is the same',
  },
  streams: {
    what: '`x-queue-type: stream`',
    rabbitmq: 'declares a stream',
    embedded: '406, as for an unknown type',
    why: 'a log is another kind of thing than a queue',
  },
  quorumReject: {
    what: '`reject-publish` on a quorum queue',
    rabbitmq: 'refuses only after the limit was passed by one',
    embedded: 'refuses the first message that is too much',
    why: "there is no leader to ask; RabbitMQ's own number depends on timing",
  },
  consumerTimeout: {
    what: 'When a consumer timeout is noticed',
    rabbitmq: 'at the next tick, up to a minute later',
    embedded: 'at once',
    why: 'tests should not wait for a tick',
  },
  earlyMistakes: {
    what: 'A mistake before the connection is open: limits that are not allowed, a wrong order',
    rabbitmq: 'hangs up after three seconds, without a word',
    embedded: 'says at once what was wrong, as later on',
    why: 'nobody is kept from guessing passwords here, and a reason helps',
  },
  surplus: {
    what: 'More content than the header announced',
    rabbitmq: 'waits for ever',
    embedded: '501, closes the connection',
    why: 'a client that counts wrong should hear of it',
  },
  replyAddresses: {
    what: 'An answer by direct reply-to from another virtual host',
    rabbitmq: 'arrives: the address is that of a process',
    embedded: 'is dropped, as one to nobody',
    why: 'each virtual host keeps its own addresses, as it keeps its own queues',
  },
  expiredAbove: {
    what: 'A message of higher priority that has expired before those of lower priority were taken',
    rabbitmq: 'is handed out, once, if it came to a queue where others waited',
    embedded: 'is gone',
    why: "RabbitMQ looks for what has expired only where a queue's one message is new; nobody counts on that",
  },
  permissions: {
    what: 'Permissions, policies, limits of virtual hosts',
    rabbitmq: 'enforced',
    embedded: 'none',
    why: 'a broker for development has one kind of user',
  },
} as const satisfies Readonly<Record<string, Difference>>;

/** The table, as the page shows it. */
export function differencesTable(): string {
  const rows: readonly Difference[] = Object.values(differences);
  return [
    ['What', 'RabbitMQ', 'Embedded broker', 'Why'],
    ...rows.map(({ what, rabbitmq, embedded, why }) => [what, rabbitmq, embedded, why]),
  ]
    .map((cells) => cells.join(' | '))
    .join('\n');
}
