/**
 * What follows a task that has ended: its callbacks, the next of its chain, the count of its chord and the body, or what
 * was to be called when it failed. All of it is confirmed before the delivery is acknowledged, under ids made from the
 * task's own: a crash in between sends it twice at worst, under the same ids. Settles nothing, and never rejects.
 *
 * Source: celery/app/trace.py, celery/backends/base.py (`mark_as_failure`).
 */
import {
  backoffMs,
  canvasKind,
  CeleriacError,
  chordParts,
  type ChordStore,
  type Clock,
  type Delivery,
  derivedIds,
  errorText,
  type FollowedTask,
  isCeleriacError,
  type Joined,
  type Logger,
  Malformed,
  membersOf,
  type NewResult,
  readSignature,
  readSignatures,
  type ResultWriter,
  type SignatureSender,
  stringifyJson,
  type TaskMessage,
  unfolded,
  type WireSignature,
  type WorkflowContext,
} from '@celeriac/core';

export interface FollowUpParts {
  readonly sender: SignatureSender;
  /** Undefined where results are not kept. */
  readonly writer?: ResultWriter | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Fires when the process must not wait any longer. */
  readonly halted: AbortSignal;
}

/** `gone`: not all of it was done, and the delivery must not be acknowledged. */
export type Followed = { readonly kind: 'done'; readonly children: readonly string[] } | Unfit | Gone;
type Unfit = { readonly kind: 'unfit'; readonly error: unknown };
type Gone = { readonly kind: 'gone' };

/** A task as far as what follows it is concerned: one that ran, or one that never will. */
export interface EndedLink {
  readonly id: string;
  readonly rootId: string;
  readonly group?: string | undefined;
  readonly groupIndex?: number | undefined;
  /** True: whether it has a chord is not known. */
  readonly isUnread?: boolean;
  readonly chain: readonly WireSignature[];
  readonly chord: WireSignature | undefined;
  readonly errbacks: readonly WireSignature[];
}

export type EndState =
  | { readonly status: 'SUCCESS'; readonly value: unknown }
  | { readonly status: 'FAILURE' | 'REVOKED'; readonly error: unknown };

const firstPauseMs = 200;
const longestPauseMs = 5_000;

export class FollowUps {
  #parts: FollowUpParts;

  constructor(parts: FollowUpParts) {
    this.#parts = parts;
  }

  get chords(): ChordStore | undefined {
    return this.#parts.writer?.chords;
  }

  /** Before its result is kept: the callbacks, then the next of the chain. */
  async succeeded(message: TaskMessage, value: unknown, delivery: Delivery): Promise<Followed> {
    return this.#patiently('what follows the task', delivery, async () => {
      stringifyJson(value ?? null, 'result'); // what cannot be told cannot be handed on either
      const callbacks = readSignatures(message.embed.callbacks);
      const children = await this.#call(message, callbacks, { role: 'callback', input: [value ?? null] });
      const chain = readSignatures(message.embed.chain);
      const next = chain.at(-1);
      if (next === undefined) return children;
      const context = { ...from(message, 'next'), input: [value ?? null], chain: chain.slice(0, -1) };
      const sent = await this.#parts.sender.send(next, context);
      return [...children, sent.id];
    });
  }

  /** After its result is kept. */
  async ended(task: FollowedTask, state: EndState, delivery: Delivery): Promise<Followed> {
    return this.#patiently('what comes of how the task ended', delivery, async () => {
      const { embed, id, rootId, group, groupIndex, isUnread = false } = task;
      const chord =
        embed.chord === null || embed.chord === undefined ? undefined : readSignature(embed.chord);
      const chain = readSignatures(embed.chain);
      const errbacks = readSignatures(embed.errbacks);
      const link = { id, rootId, group, groupIndex, isUnread, chain, chord, errbacks };
      await this.#count(link, state, delivery);
      if (state.status !== 'SUCCESS') await this.#fail(link, state, delivery);
      return [];
    });
  }

  /** Several callbacks are a group, as Celery sends them. */
  async #call(
    { id, rootId }: Pick<EndedLink, 'id' | 'rootId'>,
    signatures: readonly WireSignature[],
    { role, input }: { readonly role: string; readonly input: readonly unknown[] },
  ): Promise<readonly string[]> {
    const children: string[] = [];
    for (const [index, signature] of signatures.entries()) {
      const context = { ...from({ id, rootId }, `${role} ${index}`), input };
      children.push((await this.#parts.sender.send(signature, context)).id);
    }
    return children;
  }

  async #count(link: EndedLink, state: EndState, delivery: Delivery): Promise<void> {
    const { chords } = this;
    const { chord, group, groupIndex: index, id, isUnread = false } = link;
    if (group === undefined || chords === undefined) return;
    if (chord === undefined && (!isUnread || index === undefined)) return; // in a group that nothing waits for
    const bodyId = chord?.options.task_id;
    const joined = await chords.ended({ groupId: group, index, part: { ...state, id }, bodyId });
    if (joined === undefined) return;
    if (chord === undefined) this.#unknownBody(link);
    else await this.#join(link, { ...joined, body: chord }, delivery);
    await chords.done(group);
  }

  /** A task that cannot be read has completed the header: its own message was the last place to learn the body from. */
  #unknownBody({ id, group }: EndedLink): void {
    this.#parts.logger.error(
      'a chord has failed, and nobody can be told: its body is in what cannot be read',
      {
        id,
        group,
      },
    );
  }

  async #join(
    link: EndedLink,
    joined: Joined & { readonly body: WireSignature },
    delivery: Delivery,
  ): Promise<void> {
    const { body } = joined;
    switch (joined.kind) {
      case 'sent':
        return;
      case 'failed':
        this.#parts.logger.error('the header of a chord failed, so its body does not run', {
          group: link.group,
          body: body.task,
          error: joined.error,
        });
        return this.#failSignature(body, { status: 'FAILURE', error: joined.error }, { link, delivery });
      case 'complete':
        // Named after the group: whoever sends it, it is the same body.
        await this.#parts.sender.send(body, {
          parentId: link.id,
          rootId: link.rootId,
          input: [joined.values],
          newId: derivedIds(`${link.group ?? ''} body`),
        });
    }
  }

  /** Those that will not run any more are told to have failed, so that nobody waits for them; then the callbacks. */
  async #fail(
    link: EndedLink,
    state: EndState & { readonly error: unknown },
    delivery: Delivery,
  ): Promise<void> {
    for (const step of link.chain.toReversed()) {
      await this.#failSignature(step, state, { link, delivery, isSilent: true });
    }
    if (state.status === 'FAILURE')
      await this.#call(link, link.errbacks, { role: 'errback', input: [link.id] });
  }

  /** `isSilent`: its own callbacks are those of the chain, which are called once. */
  async #failSignature(
    wanted: WireSignature,
    state: EndState & { readonly error: unknown },
    how: { readonly link: EndedLink; readonly delivery: Delivery; readonly isSilent?: boolean },
  ): Promise<void> {
    const signature = unfolded(wanted);
    switch (canvasKind(signature)) {
      case 'task':
        return this.#failTask(signature, state, how);
      case 'chord':
        return this.#failSignature(chordParts(signature).body, state, how);
      case 'chain':
      case 'group':
      case 'chunks':
        for (const [index, one] of membersOf(signature).entries())
          await this.#failSignature(one, state, { ...how, isSilent: how.isSilent === true || index > 0 });
    }
  }

  async #failTask(
    { task, options }: WireSignature,
    state: EndState & { readonly error: unknown },
    { link, delivery, isSilent = false }: { link: EndedLink; delivery: Delivery; isSilent?: boolean },
  ): Promise<void> {
    const { task_id: id, group_id: group, group_index: groupIndex, chord, reply_to: replyTo } = options;
    if (id === undefined) return;
    const { writer } = this.#parts;
    const target = { id, name: task, replyTo, correlationId: id, groupId: group };
    if (writer?.accepts(target) === true) await writer.write(target, resultOf(state), delivery.queue);
    const errbacks = isSilent ? [] : (options.link_error ?? []);
    const { rootId } = link;
    const own: EndedLink = { id, rootId, group, groupIndex, chain: [], chord, errbacks };
    await this.#count(own, state, delivery);
    await this.#fail(own, state, delivery);
  }

  /** Tries for as long as the delivery is ours: given back, it would only run again. */
  async #patiently(
    what: string,
    delivery: Delivery,
    act: () => Promise<readonly string[]>,
  ): Promise<Followed> {
    const { logger, halted, clock } = this.#parts;
    const isOver = (): boolean => !delivery.live || halted.aborted;
    for (let failures = 1; ; failures++) {
      try {
        return { kind: 'done', children: await act() };
      } catch (error) {
        if (isUnfit(error)) return { kind: 'unfit', error };
        const { queue, properties } = delivery;
        const id = properties.messageId ?? properties.correlationId;
        logger.error(`cannot send ${what}, holding the message and trying on`, { queue, id, error });
        if (isOver()) return { kind: 'gone' };
        const random = (): number => clock.random();
        const woken = new AbortController();
        const forget = delivery.onLost(() => woken.abort());
        const pauseMs = backoffMs(failures, { firstMs: firstPauseMs, longestMs: longestPauseMs, random });
        await clock.sleep(pauseMs, AbortSignal.any([woken.signal, halted]));
        forget();
        if (isOver()) return { kind: 'gone' };
      }
    }
  }
}

function from({ id, rootId }: Pick<EndedLink, 'id' | 'rootId'>, role: string): WorkflowContext {
  return { parentId: id, rootId, newId: derivedIds(`${id} ${role}`) };
}

function resultOf({ status, error }: EndState & { readonly error: unknown }): NewResult {
  return { status, error } as NewResult;
}

const unfit = ['ERR_NOT_SERIALIZABLE', 'ERR_MESSAGE_TOO_LARGE', 'ERR_WORKFLOW_INVALID'] as const;

/** The message's fault, or the value's: the same next time. */
function isUnfit(error: unknown): boolean {
  return error instanceof Malformed || unfit.some((code) => isCeleriacError(error, code));
}

/** What a workflow that cannot be read is told as. */
export function unreadable(error: unknown): CeleriacError {
  return new CeleriacError('ERR_WORKFLOW_INVALID', {
    message: `What was to follow the task cannot be read: ${errorText(error)}.`,
    hint: 'Correct its sender; the message is kept in the dead-letter queue.',
    cause: error,
  });
}
