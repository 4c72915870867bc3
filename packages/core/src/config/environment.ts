/**
 * The environment's part of the configuration: `CELERIAC_<KEY>__<KEY>` variables and `${NAME}` in text. Reads the
 * variables it is given and the files that `_FILE` variables name; never writes either, and shows no value.
 */
import { readFile } from 'node:fs/promises';

import { nearest } from '../policy/nearest.js';
import type { KeyPath, Problems } from './problems.js';
import { configSchema } from './schema.js';
import type { SchemaNode } from './schema-node.js';
import { childNode, copyTree, hasType, isTree, type Tree, valueFromText } from './tree.js';

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

const prefix = 'CELERIAC_';
const longestSecretFile = 2 ** 20;

/** The tree that the `CELERIAC_` variables describe. */
export async function treeFromEnvironment(env: Environment, problems: Problems): Promise<Tree> {
  const tree: Tree = {};
  for (const [variable, text] of Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!variable.startsWith(prefix) || text === undefined) continue;
    const target = targetOf(variable);
    if (target === undefined) {
      reportUnknown(variable, problems);
      continue;
    }
    if (target.file && env[variable.slice(0, -'_FILE'.length)] !== undefined) {
      problems.add(variable, 'it is set as well as the variable without _FILE: leave one.');
      continue;
    }
    const value = target.file ? await secretFrom(text, variable, problems) : text;
    if (value === undefined) continue;
    problems.hide(target.path, `the value of ${variable}`);
    place(tree, target.path, copyTree(valueFromText(value, target.node), problems, target.path));
  }
  return tree;
}

interface Target {
  readonly path: readonly string[];
  readonly node: SchemaNode;
  readonly file: boolean;
}

function targetOf(variable: string): Target | undefined {
  const path = keysOf(variable);
  const node = nodeAt(path);
  if (node !== undefined) return { path, node, file: false };
  if (!variable.endsWith('_FILE')) return undefined;
  const filePath = keysOf(variable.slice(0, -'_FILE'.length));
  const fileNode = nodeAt(filePath);
  return fileNode === undefined ? undefined : { path: filePath, node: fileNode, file: true };
}

function keysOf(variable: string): string[] {
  return variable.slice(prefix.length).toLowerCase().split('__');
}

function nodeAt(path: readonly string[]): SchemaNode | undefined {
  let node: SchemaNode | undefined = configSchema;
  for (const step of path) node = step === '' || step === 'constructor' ? undefined : childNode(node, step);
  return node;
}

/**
 * A name with `__` is meant for us, so an unknown one is an error. One without is an error only when it is nearly
 * a key (`CELERIAC_EVENTS_CONNECTION_STRING`): Kubernetes sets `CELERIAC_PORT`, `CELERIAC_SERVICE_HOST` and such
 * for a service that is called celeriac.
 */
function reportUnknown(variable: string, problems: Problems): void {
  const known = knownVariables(configSchema, []);
  const flat = (name: string): string => name.replaceAll('__', '_').replace(/_FILE$/u, '');
  const near =
    known.find((name) => flat(name) === flat(variable)) ??
    nearest(
      variable.slice(prefix.length),
      known.map((name) => name.slice(prefix.length)),
    );
  if (near === undefined && !variable.includes('__')) return;
  const suggestion =
    near === undefined ? '' : ` Did you mean ${near.startsWith(prefix) ? near : prefix + near}?`;
  problems.add(variable, `no key of the configuration is set by this variable.${suggestion}`);
}

function knownVariables(node: SchemaNode, path: readonly string[]): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const below = [...path, key];
    return [
      ...(child.properties === undefined ? [prefix + below.join('__').toUpperCase()] : []),
      ...knownVariables(child, below),
    ];
  });
}

async function secretFrom(file: string, variable: string, problems: Problems): Promise<string | undefined> {
  try {
    const content = await readFile(file, 'utf8');
    if (content.length <= longestSecretFile) return content.replace(/\r?\n$/u, '');
    problems.add(variable, 'the file it names is larger than 1 MiB.');
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    problems.add(variable, `the file ${JSON.stringify(file)} cannot be read (${errno}).`);
  }
  return undefined;
}

function place(tree: Tree, path: readonly string[], value: unknown): void {
  let node = tree;
  for (const key of path.slice(0, -1)) {
    const next = isTree(node[key]) ? node[key] : {};
    node[key] = next;
    node = next;
  }
  const last = path.at(-1) ?? '';
  if (last !== '__proto__' && last !== 'prototype') node[last] = value;
}

/** Replaces `${NAME}` and `${NAME:default}` in every text of the tree; `$${` stands for `${`. */
export function interpolate(tree: Tree, env: Environment, problems: Problems): Tree {
  const visit = (value: unknown, path: KeyPath, node: SchemaNode | undefined): unknown => {
    if (typeof value === 'string') return value.includes('${') ? substituted(value, path, node) : value;
    if (Array.isArray(value))
      return value.map((item, index) => visit(item, [...path, index], childNode(node, index)));
    if (!isTree(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, visit(item, [...path, key], childNode(node, key))]),
    );
  };
  const substituted = (text: string, path: KeyPath, node: SchemaNode | undefined): unknown => {
    const result = text.replaceAll(
      /\$\$\{|\$\{([A-Za-z_]\w*)(?::([^}]*))?\}|\$\{/gu,
      (all, name?: string, fallback?: string) => {
        if (all === '$${') return '${';
        if (name === undefined) {
          problems.add(
            path,
            'a "${" does not start ${NAME} or ${NAME:default}; write $${ for the text itself.',
          );
          return '';
        }
        const value = Object.hasOwn(env, name) ? env[name] : undefined;
        if (value !== undefined) problems.hide(path, `the value with \${${name}}`);
        if (value === undefined && fallback === undefined)
          problems.add(
            path,
            `the environment variable ${name} is not set, and \${${name}} gives no default.`,
          );
        return value ?? fallback ?? '';
      },
    );
    return hasType(node, 'string') && !hasType(node, 'number') ? result : valueFromText(result, node);
  };
  return visit(tree, [], configSchema) as Tree;
}
