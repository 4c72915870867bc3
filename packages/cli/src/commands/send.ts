/** `celeriac send` and `celeriac publish-event`: one message, confirmed, and its id on standard output. */
import { CeleriacError, type EventAction, type SendOptions } from '@celeriac/core';
import { Command } from 'commander';

import { UsageError } from '../exit-codes.js';
import { examples } from '../help.js';
import { print, printJson } from '../output.js';
import { duration, json, jsonList, jsonObject, oneOf, wholeNumber } from '../parse.js';
import { settings } from '../settings.js';
import { connect } from './connect.js';
import { printResult, usualWait } from './result.js';

interface CommonOptions {
  readonly config?: string;
  readonly id?: string;
  readonly timeout?: string;
  readonly json?: boolean;
}

interface TaskOptions extends CommonOptions {
  readonly args?: readonly unknown[];
  readonly kwargs?: Record<string, unknown>;
  readonly queue?: string;
  readonly delay?: string;
  readonly expires?: string;
  readonly priority?: number;
  readonly wait?: string | true;
}

interface EventOptions extends CommonOptions {
  readonly data?: unknown;
  readonly object?: string;
  readonly action?: EventAction;
  readonly objectId?: string;
  readonly values?: Record<string, unknown>;
  readonly originalValues?: Record<string, unknown>;
  readonly mandatory: boolean;
}

function common(command: Command): Command {
  return command
    .option('--config <file>', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml')
    .option('--id <id>', 'id of the message; default a new one')
    .option(
      '--timeout <duration>',
      'how long the broker may take, as in 10s; default 30s',
      duration('--timeout'),
    )
    .option('--json', 'print the receipt, or the error, as JSON');
}

export function sendCommand(): Command {
  return common(new Command('send'))
    .description('send a task and wait until the broker has it')
    .argument('<name>', 'the name the task is registered under')
    .option('--args <json>', 'positional arguments, a JSON list', jsonList('--args'))
    .option('--kwargs <json>', 'keyword arguments, a JSON object', jsonObject('--kwargs'))
    .option('--queue <name>', 'default: by route, else the default queue')
    .option(
      '--delay <duration>',
      'not to be started earlier than this from now, as in 10m',
      duration('--delay'),
    )
    .option(
      '--expires <duration>',
      'not to be started later than this from now, as in 1h',
      duration('--expires'),
    )
    .option('--wait [duration]', `wait for the result and print it; default ${usualWait}`, duration('--wait'))
    .option('--priority <number>', '0 to 255', wholeNumber('--priority', 0, 255))
    .addHelpText(
      'after',
      examples(
        "celeriac send math.add --args '[2, 3]' --wait",
        `celeriac send billing.charge --kwargs '{"orderId": "7"}' --delay 10m`,
      ),
    )
    .action(sendTask);
}

async function sendTask(name: string, options: TaskOptions): Promise<void> {
  const { args = [], kwargs, queue, delay, expires, priority, id, timeout = '30s', wait } = options;
  const sendOptions: SendOptions = {
    timeout,
    ...(id === undefined ? {} : { id }),
    ...(kwargs === undefined ? {} : { kwargs }),
    ...(queue === undefined ? {} : { queue }),
    ...(delay === undefined ? {} : { delay }),
    ...(expires === undefined ? {} : { expires }),
    ...(priority === undefined ? {} : { priority }),
    ...(wait === undefined ? {} : { ignoreResult: false }),
  };
  await mustHaveResults(options);
  const publisher = await connect(options);
  try {
    const receipt = await publisher.send(name, args, sendOptions);
    if (wait !== undefined) await printResult(receipt, options);
    else if (options.json === true) printJson(receipt);
    else print(receipt.id);
  } finally {
    await publisher.close();
  }
}

/** Before anything is sent: who sees an error sends it again. */
async function mustHaveResults(options: TaskOptions): Promise<void> {
  if (options.wait === undefined) return;
  const { tasks } = await settings(options);
  if (tasks.result_backend !== undefined) return;
  throw new CeleriacError('ERR_RESULT_DISABLED', {
    message: 'No result can be waited for: no tasks.result_backend is configured. Nothing was sent.',
    hint: 'Set tasks.result_backend to rpc:// or redis://…, for senders and workers alike.',
    values: {},
  });
}

const actions = ['new', 'update', 'delete', 'restore'] as const;

export function publishEventCommand(): Command {
  return common(new Command('publish-event'))
    .description('publish an event: by type with --data, or what happened to an object')
    .argument('[type]', 'type and routing key, as in core.limeobject.deal.update.v1')
    .option('--data <json>', 'data of an event that is given by its type', json('--data'))
    .option('--object <kind>', 'the kind of object, as in deal')
    .option('--action <action>', actions.join(', '), oneOf('--action', actions))
    .option('--object-id <id>', "the object's id")
    .option('--values <json>', "the object's values, a JSON object", jsonObject('--values'))
    .option(
      '--original-values <json>',
      'the values that changed, as they were',
      jsonObject('--original-values'),
    )
    .option('--no-mandatory', 'succeed also when no application receives it')
    .addHelpText(
      'after',
      examples(
        `celeriac publish-event --object deal --action update --object-id 7 --values '{"stage": "won"}'`,
        `celeriac publish-event core.limeobject.deal.update.v1 --data '{"id": 7}'`,
      ),
    )
    .action(publishEvent);
}

async function publishEvent(type: string | undefined, options: EventOptions): Promise<void> {
  const { object, action, objectId } = options;
  const isObject = object !== undefined && action !== undefined && objectId !== undefined;
  mustBeOneForm(type, options);
  const { id, timeout = '30s', mandatory, data = null, values, originalValues } = options;
  const eventOptions = { timeout, mandatory, ...(id === undefined ? {} : { id }) };
  const publisher = await connect(options);
  const { defineEvent } = await import('@celeriac/core');
  try {
    const receipt = isObject
      ? await publisher.publishEvent(
          defineEvent({ object, action }),
          {
            id: objectId,
            ...(values === undefined ? {} : { values }),
            ...(originalValues === undefined ? {} : { originalValues }),
          },
          eventOptions,
        )
      : await publisher.publishEvent(type ?? '', data, eventOptions);
    if (options.json === true) printJson(receipt);
    else print(receipt.id);
  } finally {
    await publisher.close();
  }
}

const forms =
  'publish-event takes either a type, with --data, or --object, --action and --object-id, with --values and --original-values';

/** Half of one form and half of the other would leave out something that was meant. */
function mustBeOneForm(type: string | undefined, options: EventOptions): void {
  const { data, object, action, objectId, values, originalValues } = options;
  const needed = [object, action, objectId];
  const ofObject = [...needed, values, originalValues];
  const isGood =
    type === undefined
      ? !needed.includes(undefined) && data === undefined
      : ofObject.every((option) => option === undefined);
  if (!isGood) throw new UsageError(`${forms} (--id is the id of the message)`);
}
