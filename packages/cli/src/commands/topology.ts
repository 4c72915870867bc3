/** `celeriac topology`: what the configuration needs on the broker, how that differs from what is there, and the mending. */
import {
  type ApplyReport,
  type BrokerTopology,
  type MoveProgress,
  openTopology,
  type TopologyItem,
  type TopologyPlan,
} from '@celeriac/core';
import { Command } from 'commander';

import { confirmYes } from '../confirm.js';
import { exitCodes, UsageError } from '../exit-codes.js';
import { registerModule } from '../handler-modules.js';
import { examples } from '../help.js';
import { print, printJson } from '../output.js';
import { collect, duration } from '../parse.js';
import { progressLine } from '../progress.js';
import { configSource, type ConfigOption } from '../settings.js';
import { watchWaiting } from '../waiting.js';
import { applyLines, neededJson, neededLines, planLines } from './topology-text.js';

interface CommonOptions extends ConfigOption {
  readonly require: readonly string[];
  readonly timeout: string;
  readonly json?: boolean;
}

interface ApplyOptions extends CommonOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

export function topologyCommand(finish: (code: number) => void): Command {
  const command = new Command('topology').description(
    'exchanges, queues and bindings: what is needed, what is there, what to do',
  );
  common(command.command('list'))
    .description('everything that the configuration needs; looks at nothing but the list of applications')
    .addHelpText('after', examples('celeriac topology list', 'celeriac topology list -r ./tasks.js --json'))
    .action((options: CommonOptions) =>
      withTopology(options, async (topology, said) => {
        const needed = await topology.needed().finally(said);
        if (options.json === true) printJson(neededJson(needed));
        else print(neededLines(needed).join('\n'));
      }),
    );
  common(command.command('plan'))
    .description(
      'how the broker differs from that; changes nothing. Exits with 3 when there is something to do',
    )
    .addHelpText('after', examples('celeriac topology plan', 'celeriac topology plan --json'))
    .action((options: CommonOptions) =>
      withTopology(options, async (topology, said) => {
        const plan = await topology.plan().finally(said);
        show(plan, options);
        if (!plan.isDone) finish(exitCodes.differs);
      }),
    );
  common(command.command('apply'))
    .description('create what is missing, and move queues to their arguments, with their messages')
    .argument('[queues...]', 'move only these; default: all that differ')
    .option('--yes', 'move without asking')
    .option('--dry-run', 'change nothing, print the plan')
    .addHelpText(
      'after',
      examples('celeriac topology apply --dry-run', 'celeriac topology apply billing --yes'),
    )
    .action((queues: string[], options: ApplyOptions) => applyTopology(queues, options, finish));
  return command;
}

async function applyTopology(
  names: readonly string[],
  options: ApplyOptions,
  finish: (code: number) => void,
): Promise<void> {
  const { yes = false, dryRun = false, json = false } = options;
  await withTopology(options, async (topology, said) => {
    const plan = await topology.plan().finally(said);
    mustBeKnown(names, plan);
    if (dryRun) {
      show(plan, options);
      return;
    }
    const queues = names.length === 0 ? undefined : names;
    const moves = plan.items.filter((item) => isMove(item) && (queues?.includes(item.name) ?? true));
    if (moves.length > 0) await confirmYes(yes, question(moves));
    const progress = progressLine({ isQuiet: json });
    let report: ApplyReport;
    try {
      report = await topology.apply({ queues, onStep: told(progress.tell) });
    } finally {
      progress.end();
    }
    if (json) printJson(report);
    else print(applyLines(report).join('\n'));
    if (report.moved.some(({ lost }) => lost > 0)) finish(exitCodes.software);
    else if (report.left.length > 0) finish(exitCodes.differs);
  });
}

function show(plan: TopologyPlan, { json }: CommonOptions): void {
  if (json === true) printJson(plan);
  else print(planLines(plan).join('\n'));
}

function isMove({ action }: TopologyItem): boolean {
  return action === 'move' || action === 'finish';
}

function mustBeKnown(names: readonly string[], { items }: TopologyPlan): void {
  const unknown = names.find((name) => !items.some((item) => item.kind === 'queue' && item.name === name));
  if (unknown !== undefined)
    throw new UsageError(`the configuration needs no queue '${unknown}': nothing was done`);
}

function question(moves: readonly TopologyItem[]): string {
  const names = moves.map(({ name, messages = 0 }) => `'${name}' (${messages} waiting)`).join(', ');
  return `${names} would be deleted and declared anew, with the messages in them.`;
}

/** The steps of a move, with a count of messages. */
function told(tell: (text: string) => void): (progress: MoveProgress) => void {
  let count = 0;
  let last = '';
  return ({ queue, step }) => {
    count = step === last ? count + 1 : 1;
    last = step;
    tell(`${queue}: ${step}${step === 'away' || step === 'back' ? ` ${count}` : ''}`);
  };
}

function common(command: Command): Command {
  return command
    .option('--config <file>', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml')
    .option('-r, --require <module>', 'with the applications that it registers; may be repeated', collect, [])
    .option(
      '--timeout <duration>',
      'how long the broker may take for an answer',
      duration('--timeout'),
      '30s',
    )
    .option('--json', 'print the result, or the error, as JSON');
}

/** `said`: the broker has answered, and nobody has to be told what is waited for. */
async function withTopology(
  options: CommonOptions,
  use: (topology: BrokerTopology, said: () => void) => Promise<void>,
): Promise<void> {
  const registered = await registrations(options);
  const { logger, end } = watchWaiting({ isQuiet: options.json });
  const { timeout } = options;
  try {
    await using topology = await openTopology({
      config: configSource(options),
      timeout,
      logger,
      ...registered,
    });
    await use(topology, end);
  } finally {
    end();
  }
}

/** What handler modules need beside the configuration. */
async function registrations({ require: modules, ...options }: CommonOptions): Promise<Registered> {
  if (modules.length === 0) return {};
  const { createWorker } = await import('@celeriac/worker');
  const worker = createWorker({ config: configSource(options) });
  for (const module of modules) await registerModule(module, worker);
  return worker.needs;
}

interface Registered {
  readonly queues?: readonly string[];
  readonly applications?: readonly { readonly name: string; readonly patterns: readonly string[] }[];
}
