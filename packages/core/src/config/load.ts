/**
 * Loads the configuration: file or object, then environment, then overrides; checked as a whole, and every
 * problem reported at once. Never connects, and never shows a secret.
 */
import { CeleriacError } from '../errors.js';
import { findDevelopmentBroker } from './development-broker.js';
import { readDocument } from './document.js';
import { type Environment, interpolate, treeFromEnvironment } from './environment.js';
import { Problems } from './problems.js';
import { resolveTree } from './resolve.js';
import { configSchema } from './schema.js';
import { copyTree, isTree, mergeTrees, type Tree, withoutEmptySections } from './tree.js';
import type { ConfigInput } from './input.js';
import type { Config } from './types.js';
import { validateTree } from './validate.js';

/** A file's path or URL (YAML or JSON), or the configuration itself. */
export type ConfigSource = string | URL | ConfigInput;

export interface LoadConfigOptions {
  /** Variables for `CELERIAC_…` and `${NAME}`. Default: those of the process; `{}` for none. */
  readonly env?: Environment | undefined;
  /** Win over everything else: command-line flags. */
  readonly overrides?: ConfigInput | undefined;
}

/**
 * The configuration from a file (text: its path; YAML or JSON, whatever its name) or an object. `${NAME}` is
 * replaced in files only. Rejects with ERR_CONFIG_UNREADABLE, ERR_CONFIG_SYNTAX or, with every problem in
 * `values.problems`, ERR_CONFIG_INVALID.
 */
export async function loadConfig(
  source: string | URL | ConfigInput,
  options: LoadConfigOptions = {},
): Promise<Config> {
  if (typeof source !== 'string' && !(source instanceof URL)) return resolveConfig(source, options);
  const env = options.env ?? process.env;
  const { path, value } = await readDocument(source);
  const problems = new Problems();
  const tree = interpolate(rootTree(value ?? {}, problems, path), env, problems);
  return finish(tree, { problems, name: path, env, overrides: options.overrides });
}

/** The configuration from an object, else as `loadConfig`. The object is not changed. */
export async function resolveConfig(input: ConfigInput, options: LoadConfigOptions = {}): Promise<Config> {
  const problems = new Problems();
  const tree = rootTree(input, problems, 'object');
  const env = options.env ?? process.env;
  return finish(tree, { problems, name: 'object', env, overrides: options.overrides });
}

interface Layers {
  readonly problems: Problems;
  readonly name: string;
  readonly env: Environment;
  readonly overrides: ConfigInput | undefined;
}

async function finish(tree: Tree, { problems, name, env, overrides = {} }: Layers): Promise<Config> {
  const fromEnvironment = await treeFromEnvironment(env, problems);
  const layers = [fromEnvironment, rootTree(overrides, problems, 'overrides')];
  const merged = layers.reduce(
    (base, layer) => mergeTrees(base, withoutEmptySections(layer, configSchema)),
    withoutEmptySections(tree, configSchema),
  );
  await validateTree(merged, problems);
  const config = resolveTree(await withBroker(merged, env, problems), problems);
  problems.throwIfAny(name);
  return config;
}

/**
 * Where no broker is named: in production that is a mistake; elsewhere it is the development broker that runs, else
 * the default.
 */
async function withBroker(tree: Tree, env: Environment, problems: Problems): Promise<Tree> {
  const events = isTree(tree.events) ? tree.events : {};
  if (events.connection_string !== undefined) return tree;
  if (env.NODE_ENV === 'production') {
    problems.add(
      ['events', 'connection_string'],
      'it is missing, and NODE_ENV is production. Name the broker here or in CELERIAC_EVENTS__CONNECTION_STRING.',
    );
    return tree;
  }
  const found = await findDevelopmentBroker(env);
  return found === undefined ? tree : mergeTrees(tree, { events: { connection_string: found.url } });
}

function rootTree(value: unknown, problems: Problems, name: string): Tree {
  if (isTree(value)) return copyTree(value, problems) as Tree;
  const kind = Array.isArray(value) ? 'a list' : value === null ? 'null' : `a single ${typeof value}`;
  throw new CeleriacError('ERR_CONFIG_INVALID', {
    message: `The configuration (${name}) is ${kind}, not a map of sections.`,
    hint: 'Write sections such as "events:" with keys below them.',
    values: { source: name, problems: [{ path: '', message: `It is ${kind}.` }] },
  });
}
