/** The keys of schedules: what beat sends, and when. Data only; what the times mean is checked by beat. */
import { choice, duration, type Extra, type SchemaNode, section, text, whole } from './schema-node.js';

const day = 86_400;
/** RabbitMQ refuses a longer TTL: 2^32-1 milliseconds. */
const longestExpiry = 4_294_967;
const none: Extra = { 'x-default': 'none' };

/** Celery's names (celery.schedules.solar). */
export const solarEvents = [
  'dawn_astronomical',
  'dawn_nautical',
  'dawn_civil',
  'sunrise',
  'solar_noon',
  'sunset',
  'dusk_civil',
  'dusk_nautical',
  'dusk_astronomical',
] as const;
export type SolarEvent = (typeof solarEvents)[number];

const schedule: SchemaNode = section(
  'One schedule: a task, and one of `cron`, `every`, `solar` and `at`.',
  {
    task: text('Name of the task.'),
    args: {
      type: 'array',
      description: 'Positional arguments.',
      'x-kind': 'json',
      'x-allowed': 'a list',
      ...none,
    },
    kwargs: {
      type: 'object',
      description: 'Keyword arguments.',
      'x-kind': 'json',
      'x-allowed': 'a map',
      ...none,
    },
    cron: text('Minute, hour, day of month, month, day of week, of which all must match.', none),
    every: duration('Time from one run to the next.', [0.1, 366 * day], none),
    solar: section(
      'When the sun does this at a place; needs the package `astronomy-engine`.',
      {
        event: choice('What the sun does.', solarEvents, {}),
        latitude: {
          type: 'number',
          minimum: -90,
          maximum: 90,
          description: 'Degrees; north is positive.',
          'x-allowed': 'a number from -90 to 90',
        },
        longitude: {
          type: 'number',
          minimum: -180,
          maximum: 180,
          description: 'Degrees; east is positive.',
          'x-allowed': 'a number from -180 to 180',
        },
      },
      { required: ['event', 'latitude', 'longitude'], ...none },
    ),
    at: text('Once, at this moment: ISO 8601 with a zone or an offset.', none),
    time_zone: text('Time zone of `cron`, an IANA name.', {
      'x-kind': 'time_zone',
      'x-default': 'that of `tasks`',
    }),
    jitter: duration('Runs are sent up to so much later, each by a time of its own.', [0, 3600], {
      default: 0,
    }),
    catch_up: choice('Which of the runs that were missed are sent after all.', ['none', 'last', 'all'], {
      default: 'last',
    }),
    catch_up_limit: whole('Most missed runs that `all` sends; older ones are left out.', 1, {
      default: 100,
      maximum: 1000,
      'x-unit': 'runs',
    }),
    overlap: choice(
      'Whether a run is sent while the last one waits or goes on; `skip` needs `key_store`.',
      ['allow', 'skip'],
      {
        default: 'allow',
      },
    ),
    longest_run: duration(
      'With `overlap: skip`: a run that has not ended so long after it was sent does not keep the next one back.',
      [1, 30 * day],
      { default: '1h' },
    ),
    queue: text('Queue to send to.', { maxLength: 255, 'x-default': 'as tasks are routed' }),
    priority: whole('Priority of the messages.', 0, { maximum: 255, ...none }),
    expires: duration(
      'A run that has not started so long after it was sent is not run.',
      [0.001, longestExpiry],
      none,
    ),
  },
  { required: ['task'] },
);

export const beat: SchemaNode = section('Schedules, and the beat processes that send them.', {
  queue: text(
    'Queue that the schedules and their last runs are kept in, and that decides which process is active. Another one for every set of schedules on the same virtual host.',
    {
      default: 'celeriac.beat',
      maxLength: 200,
      pattern: '^(?!amq\\.)[^\\u0000-\\u001f]+$',
      'x-allowed': 'text of 1 to 200 characters that does not start with "amq."',
    },
  ),
  heartbeat: whole(
    'AMQP heartbeat of beat: an active process that falls silent is replaced after two or three of them.',
    1,
    {
      default: 5,
      maximum: 3600,
      'x-unit': 'seconds',
    },
  ),
  missed_after: duration('A run that could not be sent for so long counts as missed.', [1, 3600], {
    default: '1m',
  }),
  schedules: {
    type: 'object',
    description: 'Schedules by their names.',
    default: {},
    additionalProperties: schedule,
  },
});
