/**
 * Gives every task of a workflow its id, before any of it is sent: who waits knows what for, and a message that is sent
 * twice has the same id twice. Flattens, makes chords of groups that are followed by a task, as Celery does, and takes
 * out what is empty. What has an id keeps it. Pure; sends nothing.
 *
 * Source: celery/canvas.py (`freeze`, `prepare_steps`). Members of nested groups keep their order here.
 */
import { CeleriacError } from '../errors.js';
import {
  canvasKind,
  chainSignature,
  chordParts,
  chordSignature,
  chunkMembers,
  groupSignature,
  membersOf,
  type WireOptions,
  type WireSignature,
  withInput,
  withOptions,
} from '../protocol/canvas.js';

/** What will be known of a workflow: a task, or a group of them; `parent` is what runs before it. */
export type WorkflowNode =
  | { readonly kind: 'task'; readonly id: string; readonly parent?: WorkflowNode }
  | {
      readonly kind: 'group';
      readonly id: string;
      readonly members: readonly WorkflowNode[];
      readonly parent?: WorkflowNode;
    };

export interface Frozen {
  readonly signature: WireSignature;
  readonly node: WorkflowNode;
}

export interface FreezeOptions {
  readonly newId: () => string;
  /** What is put on each task. */
  readonly common?: WireOptions;
  /** It counts in this group, whose id is given when it is sent, */
  readonly group?: { readonly id: string | undefined; readonly index: number };
  /** and this is what follows when all have. */
  readonly chord?: WireSignature;
  /** What runs before. */
  readonly parent?: WorkflowNode;
  /** True: it is sent by a worker, after something else. Celery's give its groups ids of their own then. */
  readonly isLater?: boolean;
}

/** Throws ERR_WORKFLOW_INVALID, or Malformed for a foreign one that cannot be read. */
export function freeze(wanted: WireSignature, options: FreezeOptions): Frozen {
  const signature = unfolded(wanted);
  switch (canvasKind(signature)) {
    case 'task':
      return freezeTask(signature, options);
    case 'chain':
      return freezeChain(signature, options);
    case 'chunks':
      return freezeGroup(groupSignature(chunkMembers(signature)), options);
    case 'group':
      return freezeGroup(signature, options);
    case 'chord':
      return freezeChord(signature, options);
  }
}

function freezeTask(
  signature: WireSignature,
  { newId, common, group, chord, parent }: FreezeOptions,
): Frozen {
  const { options } = signature;
  const id = options.task_id ?? newId();
  const counted = group === undefined || options.group_id !== undefined ? {} : placeIn(group);
  const own = { ...common, ...options, task_id: id, ...counted, ...(chord === undefined ? {} : { chord }) };
  return {
    signature: { ...signature, options: own },
    node: { kind: 'task', id, ...(parent === undefined ? {} : { parent }) },
  };
}

function placeIn({ id, index }: NonNullable<FreezeOptions['group']>): WireOptions {
  return { ...(id === undefined ? {} : { group_id: id }), group_index: index };
}

/** Groups within groups are one group. */
export function flatMembers(members: readonly WireSignature[]): readonly WireSignature[] {
  return members.flatMap((member) => {
    const kind = canvasKind(member);
    if (kind === 'chunks') return flatMembers(chunkMembers(member));
    return kind === 'group' ? flatMembers(inherited(member)) : [emptied(member) ?? member];
  });
}

const notInherited = new Set(['task_id', 'group_id', 'group_index', 'chord', 'link', 'link_error']);

/** Members with what was said of the whole group. Its callback goes with the first one, without its value. */
function inherited(group: WireSignature): readonly WireSignature[] {
  const { options } = group;
  const shared = Object.fromEntries(Object.entries(options).filter(([name]) => !notInherited.has(name)));
  const links = (options.link ?? []).map((one) => ({ ...one, immutable: true }));
  return membersOf(group).map((member, index) => {
    const own = withOptions({ ...member, options: shared }, member.options);
    const given = withInput(own, group.args);
    return linked(given, { link: index === 0 ? links : [], linkError: options.link_error ?? [] });
  });
}

export function linked(
  signature: WireSignature,
  { link = [], linkError = [] }: { link?: readonly WireSignature[]; linkError?: readonly WireSignature[] },
): WireSignature {
  if (link.length === 0 && linkError.length === 0) return signature;
  const { options } = signature;
  return withOptions(signature, {
    ...(link.length === 0 ? {} : { link: [...(options.link ?? []), ...link] }),
    ...(linkError.length === 0 ? {} : { link_error: [...(options.link_error ?? []), ...linkError] }),
  });
}

function freezeGroup(signature: WireSignature, options: FreezeOptions): Frozen {
  const { newId, parent } = options;
  if (options.group !== undefined || options.chord !== undefined) throw endsInGroup();
  const id = signature.options.task_id ?? newId();
  const frozen = freezeMembers(inherited(signature), id, options);
  return {
    signature: groupSignature(signaturesOf(frozen), { task_id: id }),
    node: groupNode(id, frozen, parent),
  };
}

function freezeMembers(
  members: readonly WireSignature[],
  groupId: string,
  { newId, common = {}, chord, isLater = false }: FreezeOptions,
): readonly Frozen[] {
  const id = isLater ? undefined : groupId;
  const each = { newId, common, isLater, ...(chord === undefined ? {} : { chord }) };
  return flatMembers(members).map((member, index) => freeze(member, { ...each, group: { id, index } }));
}

function signaturesOf(frozen: readonly Frozen[]): readonly WireSignature[] {
  return frozen.map(({ signature }) => signature);
}

function groupNode(id: string, frozen: readonly Frozen[], parent: WorkflowNode | undefined): WorkflowNode {
  const members = frozen.map(({ node }) => node);
  return { kind: 'group', id, members, ...(parent === undefined ? {} : { parent }) };
}

function freezeChord(signature: WireSignature, options: FreezeOptions): Frozen {
  const empty = emptied(signature);
  if (empty !== undefined) return freeze(empty, options);
  const { newId, parent, isLater = false } = options;
  const { header, body: wanted, groupId } = chordParts(signature);
  const { link, link_error: linkError } = signature.options;
  const id = groupId ?? newId();
  const headed = linked(wanted, { link: link ?? [], linkError: linkError ?? [] });
  const ending = folded(freeze(headed, { ...options, isLater: true }).signature);
  const body = isLater ? ending : grouped(ending, id);
  const given = header.map((member) => withInput(member, signature.args));
  const frozen = freezeMembers(given, id, { ...options, chord: body });
  // Its ids are given by now: this is for what is known of it alone.
  const { node } = freeze(body, { newId, parent: groupNode(id, frozen, parent) });
  return { signature: chordSignature(groupSignature(signaturesOf(frozen), { task_id: id }), body), node };
}

/** Celery 5.6 says of a body which group it closes; it has no index there, and does not count in it. */
function grouped(body: WireSignature, id: string): WireSignature {
  return canvasKind(body) !== 'task' || body.options.group_id !== undefined
    ? body
    : withOptions(body, { group_id: id });
}

/** A chain as its first task, with the rest among its options: so it is one signature that is called. */
export function folded(signature: WireSignature): WireSignature {
  if (canvasKind(signature) !== 'chain') return signature;
  const [first, ...rest] = membersOf(signature) as [WireSignature, ...WireSignature[]];
  return withOptions(first, { chain: [...rest.toReversed(), ...(first.options.chain ?? [])] });
}

export function unfolded(signature: WireSignature): WireSignature {
  const { chain = [], ...options } = signature.options;
  if (chain.length === 0) return signature;
  return chainSignature([{ ...signature, options }, ...chain.toReversed()]);
}

function freezeChain(signature: WireSignature, options: FreezeOptions): Frozen {
  const steps = stepsOf(signature);
  if (steps.length === 0) throw noTasks();
  const { link, link_error: linkError = [] } = signature.options;
  const frozen: WireSignature[] = [];
  let node = options.parent;
  for (const [index, step] of steps.entries()) {
    const isLast = index === steps.length - 1;
    const given = linked(step, { link: isLast ? (link ?? []) : [], linkError });
    const { group, chord, ...each } = options;
    const place = isLast
      ? { ...(group === undefined ? {} : { group }), ...(chord === undefined ? {} : { chord }) }
      : {};
    const before = node === undefined ? {} : { parent: node };
    const one = freeze(given, {
      ...each,
      ...place,
      ...before,
      isLater: index > 0 || options.isLater === true,
    });
    frozen.push(one.signature);
    node = one.node;
  }
  const [only] = frozen as [WireSignature];
  const whole = frozen.length === 1 ? only : chainSignature(frozen);
  return { signature: whole, node: node as WorkflowNode };
}

/** The steps of a chain: chains within it are unrolled, and a group that is followed by another step is a chord. */
export function stepsOf(chain: WireSignature): readonly WireSignature[] {
  const unrolled = membersOf(chain).flatMap((one) => (canvasKind(one) === 'chain' ? stepsOf(one) : [one]));
  const steps: WireSignature[] = [];
  for (const [index, one] of unrolled.entries()) {
    const before = steps.at(-1);
    const previous = before === undefined ? undefined : canvasKind(before);
    const step = index === 0 ? withInput(one, chain.args) : one;
    if (before !== undefined && (previous === 'group' || previous === 'chunks')) {
      steps[steps.length - 1] = asChord(before, step);
    } else steps.push(step);
  }
  return steps.map((step) => emptied(step) ?? step);
}

function asChord(group: WireSignature, body: WireSignature): WireSignature {
  const members = canvasKind(group) === 'chunks' ? chunkMembers(group) : inherited(group);
  const { task_id: id } = group.options;
  return chordSignature(groupSignature(members, id === undefined ? {} : { task_id: id }), body);
}

/** The body alone, called with an empty list, where a header has nothing to wait for. */
export function emptied(signature: WireSignature): WireSignature | undefined {
  if (canvasKind(signature) !== 'chord') return undefined;
  const { header, body } = chordParts(signature);
  if (flatMembers(header).length > 0) return undefined;
  return calledWith(body, []);
}

/** With this value and no other, whatever comes before it. */
function calledWith(body: WireSignature, value: unknown): WireSignature {
  switch (canvasKind(body)) {
    case 'chain': {
      const [first, ...rest] = membersOf(body);
      return first === undefined ? body : chainSignature([calledWith(first, value), ...rest], body.options);
    }
    case 'group':
      return groupSignature(
        membersOf(body).map((one) => calledWith(one, value)),
        body.options,
      );
    case 'chord': {
      const { header, body: next } = chordParts(body);
      return chordSignature(
        header.map((one) => calledWith(one, value)),
        next,
        body.options,
      );
    }
    case 'task':
    case 'chunks':
      return { ...withInput(body, [value]), immutable: true };
  }
}

/** True where a task waits for a group. */
export function hasChord(node: WorkflowNode): boolean {
  const { parent } = node;
  const members = node.kind === 'group' ? node.members : [];
  if (node.kind === 'task' && parent?.kind === 'group') return true;
  return (parent !== undefined && hasChord(parent)) || members.some(hasChord);
}

/** Ids of all tasks of a workflow, those that run first first. */
export function taskIds(node: WorkflowNode): readonly string[] {
  const before = node.parent === undefined ? [] : taskIds(node.parent);
  const own = node.kind === 'task' ? [node.id] : node.members.flatMap(taskIds);
  return [...new Set([...before, ...own])];
}

function noTasks(): CeleriacError {
  return new CeleriacError('ERR_WORKFLOW_INVALID', {
    message: 'A chain has no tasks.',
    hint: 'Nothing was sent.',
  });
}

function endsInGroup(): CeleriacError {
  return new CeleriacError('ERR_WORKFLOW_INVALID', {
    message: 'A chain that counts in a chord or a group ends in a group, so it has no single result.',
    hint: 'Put a task behind the group, which takes the list of its results.',
  });
}
