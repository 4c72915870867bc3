/**
 * What is known of a task whose message cannot be decoded: who counts on it. Its headers say which group it is in; its
 * body, as far as that can be read, what was to be told when it fails. Protocol 2 only. Pure, and never throws.
 */
import type { TaskEmbed, TaskMessage } from '../message.js';
import { readJsonBody } from './body.js';
import { defined } from './celery-fields.js';
import { embedOf, emptyEmbed } from './celery-v2.js';
import type { Received } from './received.js';

/** A task as far as what follows it is concerned. */
export interface FollowedTask extends Pick<TaskMessage, 'id' | 'rootId' | 'group' | 'groupIndex' | 'embed'> {
  /** True: its body was not read, so whether it counts in a chord is not known. */
  readonly isUnread?: boolean;
}

/** Undefined where the headers name no task. `isBodyRead` false leaves the body alone: nothing follows then. */
export function followedTask(
  received: Received,
  { isBodyRead = true }: { readonly isBodyRead?: boolean } = {},
): FollowedTask | undefined {
  const { id, task, root_id: root, group, group_index: place } = received.properties.headers ?? {};
  const own = nameOf(id);
  if (own === undefined || nameOf(task) === undefined) return undefined;
  const embed = isBodyRead ? readEmbed(received) : undefined;
  const groupIndex =
    typeof place === 'number' && Number.isSafeInteger(place) && place >= 0 ? place : undefined;
  return {
    id: own,
    rootId: nameOf(root) ?? own,
    ...defined({ group: nameOf(group), groupIndex }),
    embed: embed ?? emptyEmbed,
    isUnread: embed === undefined,
  };
}

function nameOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function readEmbed(received: Received): TaskEmbed | undefined {
  try {
    const document = readJsonBody(received, ['application/json']);
    return Array.isArray(document) && document.length === 3 ? embedOf(document[2]) : undefined;
  } catch {
    return undefined; // that is why it was not decoded
  }
}
