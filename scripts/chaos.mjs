/**
 * The long chaos run: rows of the table in docs/reliability.md against real RabbitMQ nodes and a cluster, with counts.
 * Not part of the tests: `npm run chaos -- [--rows 15,16] [--repetitions N] [--seed S] [--json FILE]`. Without rows all
 * of them; without repetitions as many as each row thinks right. Exit code 1 when a promise was broken.
 */
import { writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';

import { rowOf, rows } from '../tests/dist/support/chaos/rows.js';
import { Sites } from '../tests/dist/support/chaos/sites.js';

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    repetitions: { type: 'string' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    json: { type: 'string' },
  },
});
const seed = Number(values.seed);
const chosen = values.rows === undefined ? rows : values.rows.split(',').map((one) => rowOf(Number(one)));
const results = [];
let isBroken = false;

const log = (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);
log(`seed ${seed} (--seed ${seed} repeats it)`);
const sites = new Sites();
try {
  for (const row of chosen) await runOrSay(row);
} finally {
  await sites.renew();
}
process.exitCode = isBroken ? 1 : 0;

async function runOrSay(row) {
  const reason = row.cannot?.();
  if (reason !== undefined) {
    log(`row ${row.number}: not run, ${reason}`);
    results.push({ number: row.number, title: row.title, notRun: reason });
  } else {
    await runRow(row);
  }
  if (values.json !== undefined) write(values.json);
}

async function runRow(row) {
  const repetitions = Number(values.repetitions ?? row.repetitions);
  log(`row ${row.number}: ${row.title}`);
  const began = performance.now();
  const every = Math.max(1, Math.ceil(repetitions / 5));
  let said = 0;
  const say = (line) => {
    if (++said % every === 0) log(`  ${line}`);
  };
  try {
    const report = await row.run({ sites, repetitions, seed, say });
    const seconds = Math.round((performance.now() - began) / 1000);
    const { broken, ...counts } = report;
    log(`  ${broken.length === 0 ? 'kept' : 'BROKEN'} in ${seconds} s: ${JSON.stringify(counts)}`);
    for (const one of broken) log(`  BROKEN: ${one}`);
    isBroken ||= broken.length > 0;
    results.push({ number: row.number, title: row.title, seconds, ...report });
  } catch (error) {
    log(`  FAILED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    isBroken = true;
    results.push({ number: row.number, title: row.title, failed: String(error) });
    await sites.renew(); // whatever state they are in
  }
}

function write(file) {
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, memory: totalmem(), kernel: release() };
  const at = new Date().toISOString();
  writeFileSync(file, `${JSON.stringify({ at, seed, node: process.version, machine, results }, null, 2)}\n`);
}
