/**
 * From the options of a contract and of a single send to the headers that say under which keys a task is sent. Pure:
 * asks no store.
 */
import type { SendOptions } from './build-message.js';
import { parseDuration } from './config/duration.js';
import { checkKeyOptions, type KeyOf } from './policy/key-options.js';
import type { TaskContract } from './contract/task.js';
import { CeleriacError } from './errors.js';
import { keyOfInput, keyOfWhole, scopedKey } from './policy/keys.js';
import type { HeaderTable } from './ports.js';
import { chainHeader, idempotencyHeaders, planHeaders, type SendPlan } from './protocol/key-headers.js';

export interface KeyedSend {
  /** The registered name: what keys are of. */
  readonly name: string;
  readonly contract: TaskContract | undefined;
  readonly input: unknown;
  readonly options: SendOptions;
  readonly newId: () => string;
}

const uniqueTtlMs = 3_600_000;
/** After a debounced task is due: as long as it may wait for a worker and still be known as replaced. */
const debounceTtlMs = 3_600_000;

/** The headers to send with; undefined where no option asks for any. Throws ERR_INPUT_INVALID or ERR_CONTRACT_INVALID. */
export function keyHeaders(send: KeyedSend): HeaderTable | undefined {
  const { contract, options, newId } = send;
  checkSent(options);
  const plan = planOf(send);
  const isIdempotent = options.idempotency !== undefined || contract?.idempotency !== undefined;
  if (plan === undefined && !isIdempotent) return undefined;
  const { key, window } = options.idempotency ?? {};
  return {
    ...idempotencyHeaders({ key, windowMs: window === undefined ? undefined : toMs(window) }),
    // Under an id of one's own it may be sent again, when the first one has died.
    ...(isIdempotent && options.id !== undefined ? chainHeader(newId()) : {}),
    ...(plan === undefined ? {} : planHeaders(plan)),
  };
}

function checkSent({ idempotency, unique, debounce }: SendOptions): void {
  if (idempotency !== undefined) checkKeyOptions({ idempotency });
  checkKeyOptions({ ...orNothing('unique', unique), ...orNothing('debounce', debounce) });
}

function orNothing<Name extends string, Options>(
  name: Name,
  options: Options | false | undefined,
): Partial<Record<Name, Options>> {
  return (options === undefined || options === false ? {} : { [name]: options }) as never;
}

/** What the send says is all that counts; where it says nothing, the contract does. */
function planOf(send: KeyedSend): SendPlan | undefined {
  const { contract, options } = send;
  const isOwn = options.unique !== undefined || options.debounce !== undefined;
  const { unique, debounce } = isOwn ? options : (contract ?? {});
  if (debounce !== undefined && debounce !== false) {
    if (isDelayed(contract, options)) throw delayedTwice();
    const { wait, maxWait, key } = debounce;
    const waits = { waitMs: toMs(wait), maxWaitMs: maxWait === undefined ? undefined : toMs(maxWait) };
    return { kind: 'latest', key: keyFor(send, key, isOwn), ttlMs: debounceTtlMs, ...waits };
  }
  if (unique === undefined || unique === false) return undefined;
  const ttlMs = unique.ttl === undefined ? uniqueTtlMs : toMs(unique.ttl);
  const key = keyFor(send, unique.key, isOwn);
  if (unique.on === 'replace') return { kind: 'latest', key, ttlMs };
  return { kind: 'hold', key, rule: unique.while, ttlMs };
}

/** On a single send a text is the key itself. */
function keyFor({ name, input }: KeyedSend, of: KeyOf<never> | undefined, isOwn: boolean): string {
  if (of === undefined) return scopedKey(name, keyOfWhole(input));
  return scopedKey(name, isOwn && typeof of === 'string' ? of : keyOfInput(of, input));
}

function isDelayed(contract: TaskContract | undefined, { delay, countdown, eta }: SendOptions): boolean {
  return [delay, countdown, eta, contract?.delay].some((one) => one !== undefined);
}

function delayedTwice(): CeleriacError {
  return new CeleriacError('ERR_INPUT_INVALID', {
    message:
      "The send option 'debounce' cannot be combined with delay, countdown or eta: it is a delay itself.",
    hint: 'Nothing was sent.',
    values: { option: 'debounce' },
  });
}

function toMs(duration: number | string): number {
  return Math.max(1, Math.round(parseDuration(duration) * 1000));
}
