/**
 * How registered applications fare: what waits for each, what its event handlers have in hand and since when, and
 * whether it is paused. Asks the broker and the workers; takes no message out of any queue, and changes nothing.
 *
 * Nobody looks into the queue for its oldest message (ADR 0041): to the broker that is a delivery, which counts.
 */
import type { QueueCount, QueueCounter } from './amqp/queue-counts.js';
import type { Applications, RegisteredApplication } from './applications.js';
import type { ControlAnswer } from './control/control-answer.js';
import type { RemoteControl } from './control/remote-control.js';
import type { Clock } from './clock.js';

/** What a worker says of one of its applications over remote control (`applications`). */
export interface ApplicationAnswer {
  readonly queue: string;
  /** Deliveries the broker sends ahead. */
  readonly prefetch: number;
  readonly paused: boolean;
  /** Deliveries that are not settled. */
  readonly in_hand: number;
  /** When the oldest event in hand was published, seconds since the epoch; null where none is. */
  readonly oldest: number | null;
}

export interface ApplicationReport extends RegisteredApplication {
  readonly state: QueueCount['state'];
  /** Event handlers that answered and have this application. */
  readonly handlers: number;
  /** Of these, those that take no events of it. */
  readonly pausedHandlers: number;
  /** Messages that no consumer has; undefined unless the queue exists. */
  readonly waiting: number | undefined;
  /** Messages that the answering event handlers have and have not settled. */
  readonly inHand: number;
  /** `waiting` and `inHand` together. */
  readonly lag: number | undefined;
  /** Seconds since the oldest event in hand was published; undefined where no handler has one. */
  readonly oldestAge: number | undefined;
}

export interface ApplicationReportParts {
  readonly applications: Pick<Applications, 'list'>;
  readonly counter: Pick<QueueCounter, 'count'>;
  readonly control: Pick<RemoteControl, 'call'>;
  readonly clock: Clock;
}

/** How long workers have to answer, seconds: nobody knows how many there are. */
const answerWait = 1;
/** Those that have to read the list first, one after the other. */
const refreshWait = 2;

/** Sorted by name. Rejects with what keeps the broker from answering; workers that do not answer are not counted. */
export async function applicationReports(
  parts: ApplicationReportParts,
): Promise<readonly ApplicationReport[]> {
  const { applications, counter, control, clock } = parts;
  const all = await applications.list();
  if (all.length === 0) return [];
  const answers = await asked(control, {}, answerWait);
  const reports: ApplicationReport[] = [];
  for (const application of all) {
    const said = answersOf(application.name, answers);
    const count = await counter.count(application.queue);
    const waiting = count.state === 'exists' ? count.messages : undefined;
    const inHand = said.reduce((sum, { in_hand: held }) => sum + held, 0);
    const times = said.flatMap(({ oldest }) => oldest ?? []);
    reports.push({
      ...application,
      state: count.state,
      handlers: said.length,
      pausedHandlers: said.filter(({ paused }) => paused).length,
      waiting,
      inHand,
      lag: waiting === undefined ? undefined : waiting + inHand,
      oldestAge: times.length === 0 ? undefined : Math.max(0, clock.now() / 1000 - Math.min(...times)),
    });
  }
  return reports;
}

/** How event handlers took it that the list has changed. */
export interface HandlersTold {
  /** Those that answered and have the application. */
  readonly handlers: number;
  /** Of these, those that take no events of it any more. */
  readonly pausedHandlers: number;
}

/**
 * Tells all event handlers to look at the list of applications. Those that do not hear it look when they start, and
 * when they have been without a connection.
 */
export async function tellEventHandlers(
  control: Pick<RemoteControl, 'call'>,
  name: string,
): Promise<HandlersTold> {
  const answers = await asked(control, { refresh: true }, refreshWait);
  const said = answersOf(name, answers);
  return { handlers: said.length, pausedHandlers: said.filter(({ paused }) => paused).length };
}

/**
 * Who cannot ask workers (no permission for their exchange, or a broker of tasks that is away) still sees the queues,
 * and a pause holds all the same: that nobody answered is what is told.
 */
function asked(
  control: Pick<RemoteControl, 'call'>,
  args: Readonly<Record<string, unknown>>,
  timeout: number,
): Promise<readonly ControlAnswer[]> {
  return control.call('applications', args, { timeout }).catch(() => []);
}

/** What others say is a stranger's: Python's workers, and older ones of ours, answer something else. */
function answersOf(name: string, answers: readonly ControlAnswer[]): readonly ApplicationAnswer[] {
  return answers.flatMap(({ value }) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return [];
    const said = (value as Readonly<Record<string, unknown>>)[name];
    return isAnswer(said) ? [said] : [];
  });
}

function isAnswer(value: unknown): value is ApplicationAnswer {
  if (typeof value !== 'object' || value === null) return false;
  const { paused, in_hand: inHand, oldest } = value as Partial<ApplicationAnswer>;
  const isTime = oldest === null || (typeof oldest === 'number' && Number.isFinite(oldest));
  return typeof paused === 'boolean' && typeof inHand === 'number' && inHand >= 0 && isTime;
}
