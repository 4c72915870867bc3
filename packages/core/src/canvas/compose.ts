/** Workflows out of signatures: one after the other, beside one another, and one after all others. Sends nothing. */
import type { TaskContract } from '../contract/task.js';
import { CeleriacError } from '../errors.js';
import { chainSignature, chordSignature, groupSignature, taskSignature } from '../protocol/canvas.js';
import { type AnySignature, Signature, type SignatureOptions, signature } from './signature.js';

/** What a signature gives. */
export type OutputOf<Of> = Of extends Signature<never, infer Out> ? Out : never;

/** One after the other; each gets what the one before returned. Gives what the last returns. */
export function chain<In, A>(first: Signature<In, A>): Signature<In, A>;
export function chain<In, A, B>(first: Signature<In, A>, second: Signature<NoInfer<A>, B>): Signature<In, B>;
export function chain<In, A, B, C>(
  first: Signature<In, A>,
  second: Signature<NoInfer<A>, B>,
  third: Signature<NoInfer<B>, C>,
): Signature<In, C>;
export function chain<In, A, B, C, D>(
  ...steps: [Signature<In, A>, Signature<NoInfer<A>, B>, Signature<NoInfer<B>, C>, Signature<NoInfer<C>, D>]
): Signature<In, D>;
export function chain<In, A, B, C, D, E>(
  ...steps: [
    Signature<In, A>,
    Signature<NoInfer<A>, B>,
    Signature<NoInfer<B>, C>,
    Signature<NoInfer<C>, D>,
    Signature<NoInfer<D>, E>,
  ]
): Signature<In, E>;
/** Of a list whose length the compiler does not know: nothing is checked. */
export function chain(steps: readonly AnySignature[]): Signature;
export function chain(...given: readonly (AnySignature | readonly AnySignature[])[]): AnySignature {
  const steps: readonly AnySignature[] = given.flatMap((one) => (one instanceof Signature ? [one] : one));
  if (steps.length === 0) throw empty('A chain');
  return new Signature(chainSignature(steps.map(({ wire }) => wire)));
}

/** What members get from before: each has to take it. */
type InputOf<Members extends readonly AnySignature[]> =
  Members[number] extends Signature<infer In> ? In : never;

/** Beside one another. Gives the list of what they return, in their order. An empty one gives an empty list. */
export function group<const Members extends readonly AnySignature[]>(
  members: Members,
): Signature<InputOf<Members>, { -readonly [I in keyof Members]: OutputOf<Members[I]> }>;
export function group(members: Iterable<AnySignature>): Signature;
export function group(members: Iterable<AnySignature>): AnySignature {
  return new Signature(groupSignature([...members].map(({ wire }) => wire)));
}

/**
 * `body` runs once, after every task of the header, with the list of what they returned, in their order. Needs results
 * in Redis. Where one of the header fails for good the body does not run, and fails with a ChordError.
 */
export function chord<const Members extends readonly AnySignature[], Out>(
  header: Members,
  body: Signature<{ -readonly [I in keyof Members]: OutputOf<Members[I]> }, Out>,
): Signature<InputOf<Members>, Out>;
/** Of a header that is no list: nothing is checked. */
export function chord<Out>(
  header: Iterable<AnySignature> & { readonly length?: never },
  body: Signature<never, Out>,
): Signature<unknown, Out>;
export function chord(header: Iterable<AnySignature>, body: AnySignature): AnySignature {
  return new Signature(
    chordSignature(
      [...header].map(({ wire }) => wire),
      body.wire,
    ),
  );
}

type AnyTask = { readonly name: string } | string;

/** One message that runs the task once per item, one after the other; `it` are its inputs. */
export function map<Input, Output>(
  task: TaskContract<Input, Output, unknown>,
  it: Iterable<NoInfer<Input>>,
): Signature<unknown, Output[]>;
export function map(task: string, it: Iterable<unknown>): Signature<unknown, unknown[]>;
export function map(task: AnyTask, it: Iterable<unknown>): Signature<unknown, unknown[]> {
  return overItems('celery.map', { task, it });
}

/** As `map`, with a list of arguments per item. */
export function starmap<Input, Output>(
  task: TaskContract<Input, Output, unknown>,
  it: Iterable<readonly unknown[]>,
): Signature<unknown, Output[]>;
export function starmap(task: string, it: Iterable<readonly unknown[]>): Signature<unknown, unknown[]>;
export function starmap(task: AnyTask, it: Iterable<readonly unknown[]>): Signature<unknown, unknown[]> {
  return overItems('celery.starmap', { task, it });
}

/** A group of `starmap`s over so many items each. */
export function chunks<Input, Output>(
  task: TaskContract<Input, Output, unknown>,
  it: Iterable<readonly unknown[]>,
  size: number,
): Signature<unknown, Output[][]>;
export function chunks(
  task: string,
  it: Iterable<readonly unknown[]>,
  size: number,
): Signature<unknown, unknown[][]>;
export function chunks(
  task: AnyTask,
  it: Iterable<readonly unknown[]>,
  size: number,
): Signature<unknown, unknown[][]> {
  if (!Number.isInteger(size) || size < 1) {
    throw new CeleriacError('ERR_WORKFLOW_INVALID', {
      message: `The size of a chunk is ${String(size)}, but must be an integer of at least 1.`,
      values: { size },
    });
  }
  return overItems('celery.chunks', { task, it, n: size });
}

function overItems<Out>(
  name: string,
  { task, it, ...more }: { task: AnyTask; it: Iterable<unknown>; n?: number },
): Signature<unknown, Out> {
  const { wire } = signature(task as string);
  const { [`headers`]: _ofInput, ...options } = wire.options;
  const kwargs = { task: { ...wire, options }, it: [...it], ...more };
  const shared = ['queue', 'argsrepr', 'kwargsrepr'].filter((one) => wire.options[one] !== undefined);
  const own = Object.fromEntries(shared.map((one) => [one, wire.options[one]]));
  return new Signature(taskSignature(name, { kwargs, options: own, immutable: true }));
}

export type { SignatureOptions };

function empty(what: string): CeleriacError {
  return new CeleriacError('ERR_WORKFLOW_INVALID', {
    message: `${what} has no tasks.`,
    hint: 'Nothing was sent.',
  });
}
