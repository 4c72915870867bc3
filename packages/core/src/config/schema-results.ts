/** The keys that say what becomes of the results of tasks. Data only. */
import { duration, flag, type SchemaNode, text } from './schema-node.js';

export const resultSettings: Readonly<Record<string, SchemaNode>> = {
  result_backend: text(
    "Where results go, for senders and workers alike: `rpc://` is a message back to the sender, `redis://user:password@host:port/database` (`rediss://` with TLS) keeps them for everyone. As in Celery's `result_backend`.",
    { 'x-kind': 'result_backend', 'x-default': 'none: results are not kept' },
  ),
  result_expires: duration('How long a result is kept; 0 is for ever.', [0, 10 * 365 * 86_400], {
    default: '1d',
  }),
  ignore_result: flag('Keep no results, except of tasks that ask for it.', false),
  store_errors_even_if_ignored: flag('Keep failures of tasks whose results are not kept.', false),
  track_started: flag('Tell also when a task begins: the state STARTED.', false),
  result_extended: flag(
    'Keep name, arguments, worker, retries and queue with a result (`redis://` only).',
    false,
  ),
  result_required: flag(
    'Acknowledge a task only when its result is kept; false gives the result up when the store does not answer for a while, and says so.',
    true,
  ),
};
