/**
 * Builds, then runs the test tiers, those with servers two at a time, and ends with one line: `N passed, N failed`,
 * summed over all of them. `node scripts/test-tiers.mjs [tier…]`; without names, all tiers and the checks.
 *
 * A tier that does not end (a handle that keeps the process alive, a hang) is killed at its deadline and counts as
 * failed. In CI a skipped test is a failure: every server is there.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'glob';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clearTimeout } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';

const minutes = 60_000;
const tiers = {
  unit: { spec: 'packages/*/dist-test/unit/**/*.test.js', deadline: 6 * minutes, timeout: 20_000 },
  integration: {
    spec: 'tests/dist/integration/**/*.test.js',
    parts: 6,
    deadline: 10 * minutes,
    timeout: 180_000,
  },
  chaos: { spec: 'tests/dist/chaos/**/*.test.js', deadline: 10 * minutes, timeout: 300_000 },
  conformance: { spec: 'tests/dist/conformance/**/*.test.js', deadline: 9 * minutes, timeout: 180_000 },
  interop: { spec: 'tests/dist/interop/**/*.test.js', deadline: 12 * minutes, timeout: 240_000 },
  pack: { spec: 'tests/dist/pack/**/*.test.js', deadline: 5 * minutes, timeout: 240_000 },
};
/** Each counts as one test. */
const checks = {
  lint: ['npx', 'eslint', '.'],
  format: ['npx', 'prettier', '--check', '--log-level', 'warn', '.'],
  'configuration page': ['node', 'scripts/configuration-page.mjs', '--check'],
  // Who breaks consumers of the examples' events changes examples/asyncapi.yaml, where it is seen.
  'catalogue of events': [
    ...['node', 'packages/cli/bin/celeriac.js', 'catalogue', 'examples/dist/contracts.js'],
    ...['--config', 'examples/celeriac.yaml', '--check', 'examples/asyncapi.yaml'],
  ],
  'conformance page': ['node', 'scripts/conformance-page.mjs', '--check'],
};

const total = { passed: 0, failed: 0, skipped: 0 };
/** What failed, told again at the end: the lanes' own output is long. */
const failures = [];
const names = process.argv.slice(2);
const wanted = names.length > 0 ? names : ['checks', ...Object.keys(tiers)];
for (const name of wanted) {
  if (name in tiers || name === 'checks') continue;
  console.error(`unknown tier '${name}'; known: checks, ${Object.keys(tiers).join(', ')}`);
  process.exit(2);
}

if ((await run('build', ['npx', 'tsc', '-b'], { deadline: 6 * minutes })) !== 0) {
  fail('build', 'does not compile');
} else {
  await runLanes(wanted);
}
for (const { tier, title, error } of failures) console.log(`\nFAILED ${tier}: ${title}\n${indented(error)}`);
if (total.skipped > 0) console.log(`${total.skipped} skipped: see SKIPPED above`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;

/**
 * Two at a time, in this order: checks and unit tests keep one core busy each, and the tiers with servers mostly wait for
 * them. Long ones come in parts; each prints when it is done.
 */
async function runLanes(names) {
  const waiting = names.flatMap(partsOf);
  const kept = waiting.length > 1;
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (next.name === 'checks') await runChecks({ kept });
      else await runTier(next.name, tiers[next.name], { kept, part: next.part });
    }
  };
  await Promise.all([lane(), lane()]);
}

function partsOf(name) {
  const { parts = 1 } = tiers[name] ?? {};
  return Array.from({ length: parts }, (_, index) => ({ name, part: { index, of: parts } }));
}

async function runChecks({ kept }) {
  for (const [name, command] of Object.entries(checks)) {
    const code = await run(name, command, { deadline: 6 * minutes, kept });
    if (code === 0) total.passed++;
    else fail('checks', `${name} ended with ${code}`);
  }
}

async function runTier(tier, { spec, deadline, timeout }, { kept = false, part = { index: 0, of: 1 } }) {
  const files = globSync(spec)
    .sort()
    .filter((_, index) => index % part.of === part.index);
  const name = part.of === 1 ? tier : `${tier} ${part.index + 1}/${part.of}`;
  if (files.length === 0) {
    console.log(`\n== ${name}: no tests yet`);
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), 'celeriac-tier-'));
  const result = join(directory, 'result.json');
  const isUnit = tier === 'unit';
  const hooks = isUnit ? [] : ['--require', './tests/dist/support/hooks.js'];
  const ci = process.env.CI === undefined ? [] : ['--forbid-only'];
  const command = ['npx', 'mocha', '--timeout', String(timeout), '--reporter', './scripts/tier-reporter.cjs'];
  const code = await run(name, [...command, ...hooks, ...ci, ...files], {
    deadline,
    kept,
    env: { CELERIAC_TIER_RESULT: result },
  });
  count(name, code, readResult(result));
  rmSync(directory, { recursive: true, force: true });
}

function readResult(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // killed, or crashed before its end
  }
}

function count(name, code, result) {
  const { passed = 0, failed = 0, skipped = 0 } = result ?? {};
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  failures.push(...(result?.failures ?? []).map((one) => ({ tier: name, ...one })));
  const unexplained = code !== 0 && failed === 0;
  const missing = process.env.CI !== undefined && skipped > 0;
  if (unexplained)
    fail(name, `ended with ${code}, though no test failed: a hang, a crash or a leaked handle`);
  else if (missing) fail(name, `${skipped} skipped in CI, where nothing may be`);
}

function fail(tier, title, error = '') {
  total.failed++;
  failures.push({ tier, title, error });
}

function indented(text) {
  return text.replaceAll(/^/gmu, '  ');
}

/** `kept`: the output is written at the end, in one piece. */
function run(name, [command, ...args], { deadline, env = {}, kept = false }) {
  const output = [];
  if (kept) console.log(`\n== ${name} begins`);
  else console.log(`\n== ${name}`);
  const stdio = kept ? ['ignore', 'pipe', 'pipe'] : 'inherit';
  const child = spawn(command, args, { stdio, env: { ...process.env, ...env }, detached: true });
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => output.push(chunk));
  const stop = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // It has ended.
    }
  };
  const forward = () => {
    stop('SIGTERM');
    process.exit(1);
  };
  process.once('SIGINT', forward);
  process.once('SIGTERM', forward);
  const limit = Number(process.env.CELERIAC_TIER_DEADLINE ?? deadline); // milliseconds; its own test shortens it
  const timer = setTimeout(() => {
    console.log(`== ${name}: not done after ${limit / minutes} minutes, killed`);
    stop('SIGTERM');
    setTimeout(() => stop('SIGKILL'), 10_000).unref();
  }, limit);
  return new Promise((resolve) => {
    child.once('exit', async (code, signal) => {
      clearTimeout(timer);
      // Its last words may still be in the pipe; what it left behind may hold the pipe for ever.
      if (kept) await Promise.race([once(child, 'close'), sleep(2_000)]);
      if (kept) process.stdout.write(`\n== ${name}\n${Buffer.concat(output).toString()}`);
      process.off('SIGINT', forward);
      process.off('SIGTERM', forward);
      stop('SIGKILL'); // whatever it left behind
      resolve(code ?? signal);
    });
  });
}
