/** The keys that say when tasks are held back: those that fail, and all while the event loop is overloaded. Data only. */
import { duration, type SchemaNode, section, whole } from './schema-node.js';

const day = 86_400;

export const limitSettings: Readonly<Record<string, SchemaNode>> = {
  kill_switch: section('When a task is paused because it fails, unless the task says otherwise itself.', {
    failures: {
      type: 'number',
      description: 'Pauses a task when more than this part of its results are failures.',
      minimum: 0,
      maximum: 0.999,
      'x-allowed': 'a number from 0 to 0.999',
      'x-default': 'off; 0.5 for a task that asks for it without a number',
    },
    minimum: whole('Results of the task before it is judged.', 1, { default: 20, 'x-unit': 'results' }),
    within: duration('How far back results count.', [0.001, day], { default: '60s' }),
    pause: duration('How long the task is paused, before one is tried.', [0.001, day], { default: '30s' }),
  }),
  lag_warning: duration(
    'Delay of the event loop (99th percentile) that the log warns of, at most once a minute; 0 turns that off.',
    [0, day],
    { default: '200ms' },
  ),
  lag_limit: duration(
    'Delay of the event loop (99th percentile) above which no further task or event is started; 0 is without limit.',
    [0, day],
    { default: 0 },
  ),
};
