/**
 * The configuration as a tree of plain values, before it is checked: copied, merged and walked beside its schema.
 * Never changes what it is given, and never copies a key that could reach a prototype.
 */
import type { KeyPath, Problems } from './problems.js';
import type { SchemaNode } from './schema-node.js';

export type Tree = Record<string, unknown>;

const deepest = 12;
const prototypeKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export function isTree(value: unknown): value is Tree {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A copy without undefined values. Refuses prototype keys and what is nested too deep (or in itself). */
export function copyTree(value: unknown, problems: Problems, path: KeyPath = []): unknown {
  if (path.length > deepest) {
    problems.add(path.slice(0, 3), `nested deeper than ${deepest} levels.`);
    return undefined;
  }
  if (Array.isArray(value)) return value.map((item, index) => copyTree(item, problems, [...path, index]));
  if (!isTree(value)) return value;
  const copy: Tree = {};
  for (const [key, item] of Object.entries(value)) {
    if (prototypeKeys.has(key)) problems.add([...path, key], 'this key is refused.');
    else if (item !== undefined) copy[key] = copyTree(item, problems, [...path, key]);
  }
  return copy;
}

/** Maps are merged key by key; anything else in `over` replaces what `base` has. */
export function mergeTrees(base: Tree, over: Tree): Tree {
  const merged: Tree = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isTree(below) && isTree(value) ? mergeTrees(below, value) : value;
  }
  return merged;
}

/** The schema of the key under `node`; undefined when there is no such key. */
export function childNode(node: SchemaNode | undefined, step: string | number): SchemaNode | undefined {
  if (node === undefined) return undefined;
  if (typeof step === 'number') return node.items;
  if (node.properties !== undefined && Object.hasOwn(node.properties, step)) return node.properties[step];
  return node.additionalProperties === false ? undefined : node.additionalProperties;
}

export function hasType(node: SchemaNode | undefined, type: string): boolean {
  return node !== undefined && (node.type === type || (Array.isArray(node.type) && node.type.includes(type)));
}

/** `events:` with nothing below it is null in YAML; people mean an empty section. */
export function withoutEmptySections(tree: Tree, node: SchemaNode): Tree {
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([key, value]) => value !== null || !hasType(childNode(node, key), 'object'))
      .map(([key, value]) => {
        const child = childNode(node, key);
        return [key, isTree(value) && child !== undefined ? withoutEmptySections(value, child) : value];
      }),
  );
}

/**
 * Text from the environment as a value of the type its key has: numbers in decimal, `true` and `false`, JSON for
 * maps, JSON or a comma-separated list for lists. What does not fit stays text, and is refused by the schema.
 */
export function valueFromText(text: string, node: SchemaNode | undefined): unknown {
  if (hasType(node, 'boolean')) return text === 'true' ? true : text === 'false' ? false : text;
  if (hasType(node, 'integer') || hasType(node, 'number'))
    return /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/u.test(text) ? Number(text) : text;
  if (hasType(node, 'object')) return fromJson(text);
  if (hasType(node, 'array'))
    return text.trimStart().startsWith('[') ? fromJson(text) : text.split(',').map((item) => item.trim());
  return text;
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // refused by the schema, with the key's name; the engine's message would quote the text
  }
}
