/** The keys that say how messages are signed and what is asked of signatures, for tasks and for events. Data only. */
import { choice, duration, flag, type SchemaNode, section, text, whole } from './schema-node.js';

const year = 365 * 86_400;

const key: SchemaNode = section('One key. Its id is 1 to 100 letters, digits, `.`, `_` and `-`.', {
  algorithm: choice(
    'A secret that both sides share, or a pair of keys of which only the signer has the private one.',
    ['hmac-sha256', 'ed25519'],
    { default: 'hmac-sha256' },
  ),
  secret: text(
    'The key itself: a text of at least 32 bytes for `hmac-sha256`, PEM for `ed25519`. Write `${NAME}`, or leave it to the environment.',
    { 'x-kind': 'secret', 'x-default': 'that of `file`' },
  ),
  file: text(
    'Path of the file that holds the key, without its last newline. A public key (PEM) can verify, not sign.',
    { 'x-default': 'none' },
  ),
});

export function signing(what: 'tasks' | 'events'): SchemaNode {
  return section(`Signatures on ${what}, see docs/security.md.`, {
    sign_with: text(`Id of the key that ${what} are signed with, further attempts included.`, {
      'x-default': 'nothing is signed',
    }),
    require: flag(
      `Only signed ${what} are handled; false handles unsigned ones as well, and refuses bad signatures.`,
      false,
    ),
    window: duration(
      'How long a signature is good for: from when it was made, or from the eta where that is later.',
      [1, year],
      { default: '24h' },
    ),
    replay_memory: whole('Messages that each worker remembers, so that none is accepted twice.', 0, {
      default: 100_000,
      maximum: 10_000_000,
      'x-unit': 'messages',
    }),
    keys: {
      type: 'object',
      description:
        'Keys by their ids. All of them are accepted: an old and a new one while keys are changed.',
      default: {},
      additionalProperties: key,
    },
  });
}
