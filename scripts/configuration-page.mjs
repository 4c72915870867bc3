/**
 * Writes docs/configuration.md from the configuration's JSON Schema in the built packages/core. With `--check` it
 * writes nothing and exits 1 when the page is out of date. It knows no key: those are the schema's.
 */
import { readFile, writeFile } from 'node:fs/promises';

import { format, resolveConfig } from 'prettier';

import { configSchema } from '../packages/core/dist/config/schema.js';

const page = new URL('../docs/configuration.md', import.meta.url);

const introduction = `<!-- Made by scripts/configuration-page.mjs from the schema. Do not edit. -->

# Configuration

One file, YAML or JSON, or an object in code. Every key has a default: an empty file is a valid configuration.

\`\`\`yaml
events:
  connection_string: amqp://guest@localhost//
  consumer_heartbeat: 15        # seconds; AMQP heartbeat of consumer connections
  tcp_keepalive_timeout: 120    # seconds; idle time before TCP keepalive probes; publishers and consumers alike
\`\`\`

Everything is checked before the first connection. An unknown key, a wrong type or a value out of range is an
error (\`ERR_CONFIG_INVALID\`); all of them are reported at once, each with its key, its value (secrets masked),
what is allowed and the nearest known key. Numbers are numbers: \`"4"\`, \`0x10\` and \`yes\` are refused where a number
belongs. A key that stands twice, a tag such as \`!!binary\`, and a file over 1 MiB are refused.

## Durations and sizes

A duration is a number of seconds, or text with a unit: \`500ms\`, \`10s\`, \`5m\`, \`1h\`, \`30d\`. A size is a whole
number of bytes, or text: \`64KiB\`, \`16MiB\`, \`1GiB\` (powers of 1024), \`500kB\`, \`32MB\`, \`1GB\` (powers of 1000).
Decimals are allowed before a unit: \`1.5h\`.

## Connection strings

\`amqp://\`, \`amqps://\` or \`pyamqp://\`, then \`user:password@host:port/vhost\`, read the way Kombu reads it, so that a
Python service with the same text reaches the same broker and vhost.

- Left out: user and password are \`guest\` (a user without a password too), the host is \`localhost\`, the port 5672
  (\`amqps\`: 5671), the vhost \`/\`. \`amqp://h\`, \`amqp://h/\`, \`amqp://h//\` and \`amqp://h/%2F\` all mean the vhost \`/\`.
- Special characters of user, password and vhost are percent-encoded as UTF-8: \`@\` is \`%40\`, \`/\` is \`%2F\`, \`#\` is
  \`%23\`, \`?\` is \`%3F\`, \`%\` is \`%25\`, \`;\` is \`%3B\`. Raw ones in a password are an error, never another host.
- Several addresses, separated by \`;\`, are for failover. Each has its own credentials.
- Query: \`heartbeat\` (seconds) and \`connection_timeout\` (milliseconds) win over the keys below.

## Environment

Precedence: overrides given in code or as flags, then the environment, then the file, then the defaults.

- \`CELERIAC_\` and the key in capitals, with \`__\` between the levels: \`CELERIAC_EVENTS__CONNECTION_STRING\`.
- With \`_FILE\` at the end the value is read from that file, without its last newline:
  \`CELERIAC_EVENTS__CONNECTION_STRING_FILE=/run/secrets/broker\`.
- Numbers are decimal, flags are \`true\` or \`false\`, maps are JSON, lists are JSON or separated by commas. Where the
  key is a text, the value is taken as it is.
- A variable with \`__\` that names no key is an error, and so is one that is nearly a key. Other \`CELERIAC_\` names
  are ignored: Kubernetes sets \`CELERIAC_SERVICE_HOST\` and such for a service called celeriac.
- Names of keys below \`event_handler.workers\` and \`task_handler.workers\` are taken in lower case.

In files, \`\${NAME}\` in a value is replaced by that variable, and \`\${NAME:default}\` by the default when it is not
set; a missing one without a default is an error. \`$\${\` stands for \`\${\`. Objects in code are taken as they are.

## TCP keepalive

Firewalls, NAT gateways and load balancers forget idle connections without telling either end. Set
\`tcp_keepalive_timeout\` below the shortest idle timeout on the way, with room for a lost probe: half of it is a good
value. It matters most for publishers, which may be silent for long. Heartbeats find a dead peer sooner, but only
while both ends are running; keepalive is the kernel's own and also works while the process is busy.
`;

const escaped = (text) => text.replaceAll('|', '\\|');

function defaultOf(node) {
  if (node['x-default'] !== undefined) return node['x-default'];
  if (node.default === undefined) return 'required';
  return `\`${typeof node.default === 'string' ? node.default : JSON.stringify(node.default)}\``;
}

function valuesOf(node) {
  if (node.enum !== undefined) return node.enum.map((value) => `\`${value}\``).join(', ');
  const kind = node['x-kind'];
  if (kind === 'duration' || kind === 'size')
    return `${kind}, ${node['x-range'].map((limit) => `${limit}`).join(' to ')} ${node['x-unit']}`;
  if (kind === 'json' || kind === 'retries') return node['x-allowed'];
  if (node.type === 'integer')
    return `whole number, ${node.minimum} to ${node.maximum}${node['x-unit'] ? ` ${node['x-unit']}` : ''}`;
  if (kind === 'connection_string' || kind === 'key_store') return 'connection string';
  if (kind === 'time_zone') return 'IANA name';
  if (node.type === 'boolean') return '`true`, `false`';
  if (node.type === 'array') return 'list of texts';
  if (node.type === 'object') return 'map';
  return node['x-allowed'] ?? 'text';
}

/** One row for each key; sections within are followed by name, maps of maps with `<name>` for their own keys. */
function rows(node, prefix) {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    if (child.properties !== undefined) return rows(child, `${prefix}${key}.`);
    const below = child.additionalProperties || undefined;
    return [
      `| \`${prefix}${key}\` | ${escaped(valuesOf(child))} | ${escaped(defaultOf(child))} | ${escaped(child.description)} |`,
      ...(below?.properties === undefined ? [] : rows(below, `${prefix}${key}.<name>.`)),
    ];
  });
}

function table(node) {
  return ['| Key | Values | Default | What it is |', '|---|---|---|---|', ...rows(node, '')].join('\n');
}

const sections = Object.entries(configSchema.properties);
const loose = Object.fromEntries(sections.filter(([, node]) => node.properties === undefined));
const parts = sections
  .filter(([, node]) => node.properties !== undefined)
  .map(([name, node]) => `## \`${name}\`\n\n${node.description}\n\n${table(node)}`);
const text = [introduction, '## Top level', table({ properties: loose }), ...parts].join('\n\n');
const options = await resolveConfig(page);
const made = await format(text, { ...options, parser: 'markdown' });

if (process.argv.includes('--check')) {
  const present = await readFile(page, 'utf8').catch(() => '');
  if (present !== made) {
    console.error('docs/configuration.md is out of date: run node scripts/configuration-page.mjs');
    process.exitCode = 1;
  }
} else {
  await writeFile(page, made);
}
