/**
 * Writes docs/celery-conformance.md from the table of the interop tests, tests/interop/matrix/rows.ts, as it was built.
 * With `--check` it writes nothing and exits 1 when the page is out of date. It claims nothing: the table does.
 */
import { readFile, writeFile } from 'node:fs/promises';

import { format, resolveConfig } from 'prettier';

import { rows } from '../tests/dist/interop/matrix/rows.js';

const page = new URL('../docs/celery-conformance.md', import.meta.url);

const introduction = `<!-- Made by scripts/conformance-page.mjs from tests/interop/matrix/rows.ts. Do not edit. -->

# Conformance with Celery

What a Node.js service with Celeriac and a Python service with Celery make of one another's tasks. Every cell is a test
that runs on each change, against a real Python Celery and a real RabbitMQ: with results by \`rpc://\` and by \`redis://\`,
and over classic and over quorum queues. The exceptions are cells with a link: another test shows those, once.

Run against Celery 5.2.6 with kombu 5.2.4 and py-amqp 5.1.1. What later versions do otherwise on the wire is known from
messages captured from 5.6.3; a cell that says "from kombu 5.3" was not run against it.

- **same**: as between two Python services.
- **differs**: and how, or why.
- **open**: not there yet.
- **n/a**: the other side has nothing of the kind.`;

const escaped = (text) => text.replaceAll('|', '\\|');

/** What is in one cell. */
function cell({ is, note, shown }) {
  const link = shown === undefined ? '' : ` ([test](../tests/${shown[0]}))`;
  return escaped(note === undefined ? `${is}${link}` : `${is}: ${note}${link}`);
}

function table(wanted) {
  const chosen = Object.values(rows).filter(({ toPython, toNode }) => wanted([toPython, toNode]));
  const lines = chosen.map(
    ({ what, toPython, toNode }) => `| ${what} | ${cell(toPython)} | ${cell(toNode)} |`,
  );
  return ['| | Node sends, Python runs | Python sends, Node runs |', '|---|---|---|', ...lines].join('\n');
}

const isOpen = (sides) => sides.some(({ is }) => is === 'open');
const openTable = Object.values(rows).some(({ toPython, toNode }) => isOpen([toPython, toNode]))
  ? ['## Not there yet', table(isOpen)]
  : [];
const text = [introduction, '## What is there', table((sides) => !isOpen(sides)), ...openTable].join('\n\n');
const options = await resolveConfig(page);
const made = await format(text, { ...options, parser: 'markdown' });

if (process.argv.includes('--check')) {
  const present = await readFile(page, 'utf8').catch(() => '');
  if (present !== made) {
    console.error('docs/celery-conformance.md is out of date: run node scripts/conformance-page.mjs');
    process.exitCode = 1;
  }
} else {
  await writeFile(page, made);
}
