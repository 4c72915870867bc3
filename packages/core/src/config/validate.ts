/**
 * Checks a tree against the schema with ajv, and says what is wrong in the words of the configuration. ajv is
 * loaded at the first use and compiles once. Never changes the tree.
 */
import type { ErrorObject, ValidateFunction } from 'ajv';

import { nearest } from '../policy/nearest.js';
import { type KeyPath, pathText, type Problems } from './problems.js';
import { configSchema } from './schema.js';
import type { SchemaNode } from './schema-node.js';
import { hasType, type Tree } from './tree.js';

let compiled: Promise<ValidateFunction> | undefined;

async function compile(): Promise<ValidateFunction> {
  const { Ajv } = await import('ajv');
  const ajv = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true });
  ajv.addVocabulary(['x-kind', 'x-unit', 'x-range', 'x-allowed', 'x-default']);
  ajv.addKeyword({
    keyword: 'x-most-bytes',
    type: 'string',
    schemaType: 'number',
    validate: (most: number, text: string) => Buffer.byteLength(text) <= most,
  });
  return ajv.compile(configSchema);
}

/** Adds one problem for each key that the schema refuses. */
export async function validateTree(tree: Tree, problems: Problems): Promise<void> {
  compiled ??= compile();
  const validate = await compiled;
  if (validate(tree)) return;
  for (const error of validate.errors ?? []) report(error, problems);
}

function report(error: ErrorObject, problems: Problems): void {
  const path = pathOf(error.instancePath);
  const node = error.parentSchema as SchemaNode;
  switch (error.keyword) {
    case 'additionalProperties':
      reportUnknown(
        [...path, (error.params as { additionalProperty: string }).additionalProperty],
        node,
        problems,
      );
      return;
    case 'required':
      problems.add(
        [...path, (error.params as { missingProperty: string }).missingProperty],
        'this key is required.',
      );
      return;
    case 'dependencies': {
      const { property, missingProperty } = error.params as { property: string; missingProperty: string };
      problems.add([...path, missingProperty], `this key is required with "${property}".`);
      return;
    }
    default:
      problems.add(path, `${problems.shown(path, error.data)} is not allowed. Allowed: ${allowed(node)}.`);
  }
}

/** A JSON pointer as keys; a step of digits is a position, which only lists have in this schema. */
function pathOf(pointer: string): KeyPath {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^[0-9]+$/u.test(step) ? Number(step) : step));
}

function reportUnknown(path: KeyPath, node: SchemaNode, problems: Problems): void {
  const key = String(path.at(-1));
  const siblings = Object.keys(node.properties ?? {});
  const near = nearest(key, siblings);
  const elsewhere = keysNamed(key, configSchema, []);
  const suggestion =
    near === undefined
      ? elsewhere.map((other) => ` There is ${other}.`).join('')
      : ` Did you mean ${pathText([...path.slice(0, -1), near])}?`;
  problems.add(path, `unknown key.${suggestion} Known here: ${siblings.join(', ')}.`);
}

/** Where else a key of this name is: people put keys into the wrong section. */
function keysNamed(key: string, node: SchemaNode, path: KeyPath): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => [
    ...(name === key ? [pathText([...path, name])] : []),
    ...keysNamed(key, child, [...path, name]),
  ]);
}

/** What a value may be, for people. */
export function allowed(node: SchemaNode): string {
  if (node['x-allowed'] !== undefined) return node['x-allowed'];
  if (node.enum !== undefined) return node.enum.join(', ');
  if (hasType(node, 'integer'))
    return `a whole number from ${node.minimum ?? 0} to ${node.maximum ?? '2^53'}`;
  if (hasType(node, 'boolean')) return 'true or false';
  if (hasType(node, 'array'))
    return node.minItems === undefined ? 'a list' : 'a list with at least one entry';
  if (hasType(node, 'object')) return 'a map of keys';
  const longest = node.maxLength === undefined ? '' : ` and at most ${node.maxLength}`;
  return `text of at least 1${longest} characters${hasType(node, 'null') ? ', or null' : ''}`;
}
