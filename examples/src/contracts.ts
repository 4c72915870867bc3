/**
 * What the processes of the example agree on: tasks, events, and the queues of one run. No handlers, no I/O: a web
 * service imports this and loads no worker code.
 */
import { type ConfigInput, defineEvent, defineEvents, defineTask } from '@celeriac/core';

/** Of one version of an airport. Coordinates in degrees. */
const airport = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    city: { type: 'string' },
    state: { type: 'string' },
    latitude: { type: 'number', minimum: -90, maximum: 90 },
    longitude: { type: 'number', minimum: -180, maximum: 180 },
    version: { type: 'integer', minimum: 1 },
  },
  required: ['name', 'city', 'state', 'latitude', 'longitude', 'version'],
} as const;

/** Created, updated, deleted and restored. */
export const airportEvents = defineEvents({ object: 'airport', values: airport });

/** Finds the airport that is nearest to one. */
export const findNearest = defineTask({
  name: 'airports.find_nearest',
  input: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
});

/** Asks the worker for its sums; the answer is the event below. */
export const publishReport = defineTask({ name: 'airports.publish_report' });

const count = { type: 'integer', minimum: 0 } as const;

export const reportCreated = defineEvent({
  object: 'report',
  action: 'new',
  values: {
    type: 'object',
    properties: {
      /** How many messages have been handled: by each application, and tasks. Repeats are not counted. */
      handled: {
        type: 'object',
        properties: { catalogue: count, survey: count, archive: count, tasks: count },
        required: ['catalogue', 'survey', 'archive', 'tasks'],
      },
      sums: {
        type: 'object',
        properties: {
          /** Airports that exist now. */
          airports: count,
          /** Their latitudes in ten-thousandths of a degree, added up. */
          latitudes: { type: 'integer' },
          /** Airports that a survey moved, and by how many metres in all. */
          moved: count,
          metresMoved: count,
          /** Airports that are deleted now. */
          deleted: count,
          /** Metres from each airport to the nearest other one, added up, and the largest. */
          metresToNearest: count,
          loneliest: count,
        },
        required: [
          'airports',
          'latitudes',
          'moved',
          'metresMoved',
          'deleted',
          'metresToNearest',
          'loneliest',
        ],
      },
    },
    required: ['handled', 'sums'],
  },
});

/** Who registers for events. */
export const applications = {
  catalogue: 'example-catalogue',
  survey: 'example-survey',
  archive: 'example-archive',
  dashboard: 'example-dashboard',
} as const;

/** Names of one run: every run has an exchange and queues of its own, so that none meets another's messages. */
export function runConfig(run: string): ConfigInput {
  const tasks = `${run}.tasks`;
  const reports = `${run}.reports`; // apart, so that a report does not wait behind thousands of tasks
  return {
    events: { exchange: `${run}.events`, queue_prefix: `${run}.events.` },
    tasks: { default_queue: tasks, routes: { [publishReport.name]: reports } },
    task_handler: { queues: [tasks, reports] },
    event_handler: { prefetch_count: 50 },
  };
}

export const configFile: URL = new URL('../celeriac.yaml', import.meta.url);
