/**
 * What Celeriac and Python's Celery make of one another's messages, row by row: the table of docs/celery-conformance.md
 * and of the tests in matrix.test.ts. Data only: what is claimed here is checked there.
 */

import { differs, nothing, type Row, same, shown, withNote } from './row.js';
import { workflowRows } from './workflow-rows.js';

export const rows = {
  args: { what: 'positional arguments', toPython: same, toNode: same },
  kwargs: {
    what: 'keyword arguments',
    toPython: same,
    toNode: differs(
      'JavaScript has none: a handler by bare name gets them as one object behind the positional ones; a contract binds both to the names of its properties',
    ),
  },
  unicode: {
    what: 'text: emoji, combining marks, right-to-left, NUL, empty',
    toPython: same,
    toNode: same,
  },
  numbers: {
    what: 'numbers: `1`, `1.0`, `1.5`, `-0.0`, `1e300`',
    toPython: differs('JavaScript has one number for `1` and `1.0`: it arrives as `int`'),
    toNode: differs('`1.0` is `1`: JavaScript has no other'),
  },
  bigIntegers: {
    what: 'integers beyond 2⁵³',
    toPython: withNote('given as `BigInt`'),
    toNode: withNote('arrive as `BigInt`; no digit is lost'),
  },
  none: {
    what: '`None`, `null`, `undefined`',
    toPython: differs(
      '`undefined` in an object is left out; in a list it is refused before anything is sent (`ERR_NOT_SERIALIZABLE`)',
    ),
    toNode: withNote('`None` is `null`; a handler that returns `undefined` has returned `None`'),
  },
  nan: {
    what: '`NaN`, `Infinity`',
    toPython: differs('refused before anything is sent: they are not JSON (`ERR_NOT_SERIALIZABLE`)'),
    toNode: differs('read; but as a result they are refused: `FAILURE`, `EncodeError`'),
  },
  dates: {
    what: 'dates and times',
    toPython: differs('a `Date` is ISO 8601 text with `Z`, so `str`'),
    toNode: differs(
      'kombu before 5.3 sends text, so `string`; from 5.3 a `datetime` with offset is a `Date`, a `date` a `string`',
    ),
  },
  decimals: {
    what: '`Decimal`, `UUID`',
    toPython: { is: 'same', note: 'JavaScript has neither: send text' },
    toNode: differs('arrive as `string`'),
  },
  bytes: {
    what: 'bytes',
    toPython: differs(
      "a `Buffer` is kombu's typed value: `bytes` from kombu 5.3, a `dict` with `__type__` before",
    ),
    toNode: differs('arrive as `Buffer`; kombu before 5.3 cannot send them (`EncodeError` in the sender)'),
  },
  megabyte: { what: 'a body of a megabyte, and a result of one', toPython: same, toNode: same },
  eta: {
    what: '`eta`',
    toPython: differs('waits in the broker, not in the worker; never early'),
    toNode: differs(
      'more than a second ahead, it is moved into the broker, and holds up no worker; never early',
    ),
  },
  zonedEta: {
    what: '`eta` with the offset of another zone; sender and worker in zones of their own',
    toPython: withNote('a `Date` is a moment; it is sent with `+00:00`'),
    toNode: same,
  },
  naiveEta: {
    what: '`eta` without an offset',
    toPython: nothing('never sent'),
    toNode: withNote("read in `tasks.time_zone`, UTC unless configured, as Celery's `timezone`"),
  },
  countdown: {
    what: '`countdown`',
    toPython: differs('rounded up to whole seconds; also below one second'),
    toNode: same,
  },
  expires: {
    what: '`expires` in the future',
    toPython: same,
    toNode: same,
  },
  expired: {
    what: '`expires` in the past',
    toPython: differs('refused before anything is sent where it would come before the task is due'),
    toNode: differs('`REVOKED`, as with Celery; and put into the dead-letter queue, not thrown away'),
  },
  retry: {
    what: 'a worker that tries again: same id, `retries`, `parent_id`, state `RETRY`, then the result',
    toPython: same,
    toNode: differs(
      "the policy is `retry` of the task, in place of `autoretry_for`, with defaults of its own: none unless asked for, then 3 after 1 s, doubled, with jitter; Celery's are 3 after 180 s",
    ),
  },
  priority: {
    what: '`priority`',
    toPython: same,
    toNode: withNote('as the sender gave it; higher is sooner, on classic queues with `x-max-priority`'),
  },
  error: {
    what: 'an error, with its type, arguments and traceback',
    toPython: withNote('a `TaskError` with `excType`, `excModule`, `excArgs`, `traceback`'),
    toNode: differs(
      '`TypeError` and `SyntaxError` are raised as such, `Error` as `Exception`, other classes under their own name; the message is the only argument; and the task is put into the dead-letter queue',
    ),
  },
  ignoreResult: {
    what: '`ignore_result`: nothing is stored, though the task ran',
    toPython: same,
    toNode: same,
  },
  wantedResult: {
    what: '`ignore_result=False` of the sender, where the task says `True`',
    toPython: withNote('the sender wins; with Celery 5.2 the task does, and nothing is stored'),
    toNode: withNote('the sender wins'),
  },
  softLimit: {
    what: '`soft_time_limit`',
    toPython: withNote('`SoftTimeLimitExceeded`'),
    toNode: differs("`ctx.signal` fires, as nothing can be raised into JavaScript's code from outside"),
  },
  hardLimit: {
    what: '`time_limit`',
    toPython: withNote('`TimeLimitExceeded`'),
    toNode: shown(
      differs(
        'ends the code in the [pools](pools.md) `threads` and `processes` only; and the task is put into the dead-letter queue',
      ),
      'interop/pools.test.ts',
      "ends an endless loop at Celery's time_limit, in ${pool}",
    ),
  },
  revoke: {
    what: 'revoking a task that waits',
    toPython: withNote('`REVOKED` as soon as a worker meets it; `publisher.result(id)` rejects'),
    toNode: withNote('`REVOKED` as soon as a worker meets it'),
  },
  terminate: {
    what: 'revoking a task that runs',
    toPython: shown(same, 'interop/control.test.ts', 'cancels what waits there, what waits for its time'),
    toNode: shown(
      differs('`ctx.signal` fires; threads and processes are ended a second later'),
      'integration/cancelling.test.ts',
      'that runs tells it to stop only when asked to',
    ),
  },
  unknown: {
    what: 'a task that is not registered',
    toPython: withNote('`NotRegistered`'),
    toNode: differs('`NotRegistered`, as with Celery; and put into the dead-letter queue, not thrown away'),
  },
  signature: {
    what: 'arguments that do not fit',
    toPython: withNote('`TypeError`'),
    toNode: shown(
      differs(
        'JavaScript counts no arguments: a contract refuses them, and the task is put into the dead-letter queue',
      ),
      'interop/from-python.test.ts',
      'binds positional and keyword arguments to the properties of a contract',
    ),
  },
  states: {
    what: 'states on the way (`STARTED`, own ones, `RETRY`); results that look like a state',
    toPython: shown(same, 'interop/results.test.ts', 'of Python are preceded by its states'),
    toNode: shown(
      same,
      'interop/results.test.ts',
      'of ours are read by Python: values, errors it can raise, STARTED before',
    ),
  },
  fanOut: { what: 'a thousand tasks at once, all results read back', toPython: same, toNode: same },
  headers: {
    what: 'headers of your own',
    toPython: shown(
      differs(
        'a negative number beyond 32 bits arrives as unsigned: py-amqp reads what RabbitMQ calls signed so',
      ),
      'interop/to-python.test.ts',
      'gets custom headers as the Python types of their values',
    ),
    toNode: shown(same, 'interop/thousand.test.ts', 'from Python all run on a Node worker'),
  },
  fields: {
    what: 'the other fields of the request: root and parent, time limits, `shadow`, `origin`, reprs',
    toPython: shown(
      same,
      'interop/to-python.test.ts',
      'gets every field of the request in the type that Celery itself sends',
    ),
    toNode: shown(same, 'interop/from-python.test.ts', 'runs what delay() sends'),
  },
  protocol1: {
    what: 'protocol 1 (`task_protocol = 1`)',
    toPython: nothing('never written'),
    toNode: shown(
      withNote('read; a retry goes on as protocol 2'),
      'interop/from-python.test.ts',
      'runs protocol 1',
    ),
  },
  compression: {
    what: '`compression`',
    toPython: nothing('never written'),
    toNode: shown(
      differs('`gzip` and `zlib`, up to 16 MiB; others are put into the dead-letter queue'),
      'interop/from-python.test.ts',
      "inflates kombu's gzip compression",
    ),
  },
  malformed: {
    what: 'messages that cannot be read',
    toPython: nothing('never written'),
    toNode: shown(
      differs('put into the dead-letter queue with the reason; some of them end a Celery worker, in a loop'),
      'integration/malformed.test.ts',
      'go to the dead-letter queue once each',
    ),
  },
  oneQueue: {
    what: 'workers of both on one queue, whoever declares it first',
    toPython: shown(same, 'interop/order.test.ts', 'is shared by workers of both languages'),
    toNode: shown(same, 'interop/order.test.ts', 'is shared by workers of both languages'),
  },
  killed: {
    what: 'workers of both on one queue, each killed in turn: nothing is lost',
    toPython: shown(
      withNote(
        'with `acks_late` and `task_reject_on_worker_lost`; Celery acknowledges before it runs otherwise',
      ),
      'support/chaos/rows-together.ts',
      'share the queue `celery`: in turn one is killed',
    ),
    toNode: shown(same, 'support/chaos/rows-together.ts', 'share the queue `celery`: in turn one is killed'),
  },
  control: {
    what: '`inspect` and `control`',
    toPython: shown(same, 'interop/control.test.ts', 'asks it, and sees what it says'),
    toNode: shown(
      differs('[what changes a worker has to be allowed](remote-control.md); `scheduled` is always empty'),
      'interop/control.test.ts',
      'answers what it is asked, in the form that Celery reads',
    ),
  },
  signing: {
    what: 'signed messages',
    toPython: shown(
      differs("a header of our own, which Celery carries along unread; not Celery's serializer `auth`"),
      'interop/signing.test.ts',
      'run on a Python worker as unsigned ones do',
    ),
    toNode: shown(
      differs('the same header, [written in `before_task_publish`](security.md)'),
      'interop/signing.test.ts',
      'of a producer that signs in before_task_publish run here',
    ),
  },
  keptElsewhere: {
    what: 'bodies that are kept outside of the broker',
    toPython: shown(
      differs('Python cannot read them: it refuses them once'),
      'interop/payloads.test.ts',
      'refuses it without running the task, rejects it once',
    ),
    toNode: nothing('Celery has none'),
  },
  ...workflowRows,
} as const satisfies Readonly<Record<string, Row>>;

export type RowName = keyof typeof rows;
