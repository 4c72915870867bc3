/** Where results are in Redis: key of the record, and channel it is published on. Source: celery/backends/base.py. Pure. */

const prefix = 'celery-task-meta-';

export function resultKey(id: string): string {
  return `${prefix}${id}`;
}

export function idOfKey(key: string): string {
  return key.slice(prefix.length);
}
