/** `celeriac events`: what workers and senders tell, Celery's and ours, as it happens. */
import { openEventReceiver, openRemoteControl, stringifyJson } from '@celeriac/core';
import { Command } from 'commander';

import { examples } from '../help.js';
import { print } from '../output.js';
import { eventTypes } from '../parse.js';
import { configSource, type ConfigOption } from '../settings.js';
import { untilSignal } from '../until-signal.js';
import { watchWaiting } from '../waiting.js';
import { EventLines } from './events-text.js';

interface EventsOptions extends ConfigOption {
  readonly types?: readonly string[];
  readonly enable?: boolean;
  readonly json?: boolean;
}

export function eventsCommand(): Command {
  return new Command('events')
    .description('follow the events of workers and tasks, one line each, until Ctrl-C')
    .option('--config <file>', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml')
    .option('--types <types>', 'only these, separated by commas: task-failed,worker-*', eventTypes)
    .option('--enable', 'have all workers tell of their tasks (control enable_events)')
    .option('--json', 'print each event as a line of JSON')
    .addHelpText('after', examples('celeriac events --types task-failed,worker-*'))
    .action(followEvents);
}

async function followEvents(options: EventsOptions): Promise<void> {
  const { types, json = false } = options;
  const config = configSource(options);
  const lines = new EventLines();
  const { logger, end } = watchWaiting({ isQuiet: json });
  const receiver = await openEventReceiver({
    config,
    logger,
    types,
    onEvent: (event) => print(json ? stringifyJson(event) : lines.line(event)),
  });
  end();
  const ended = untilSignal(); // not before: Ctrl-C ends the waiting for a broker as well
  try {
    process.stderr.write('waiting for events, press Ctrl-C to stop\n');
    if (options.enable === true) await enableEvents(config);
    await ended;
  } finally {
    await receiver.close();
  }
}

/** Workers that start later are not told. */
export async function enableEvents(config: ReturnType<typeof configSource>): Promise<void> {
  await using control = await openRemoteControl({ config });
  await control.cast('enable_events', {});
}
