/** What a worker is called in remote control, and who is meant by a request. Pure. */
import { type Config, type ControlRequest, serviceName } from '@celeriac/core';

export interface ThisProcess {
  readonly host: string;
  readonly pid: number;
}

/**
 * The configured name, else service, process id and host. A name without `@` gets the host, as in Celery. The default
 * is another one after every start, except in a container, where process ids begin anew; but no two are alike.
 */
export function nodeName(config: Config, { host, pid }: ThisProcess): string {
  const configured = config.task_handler.node_name;
  const name = configured ?? `${serviceName(config)}-${pid}`;
  const whole = name.includes('@') ? name : `${name}@%h`;
  return whole.replaceAll('%h', host).replaceAll('%p', String(pid));
}

/** Longer patterns match nothing: they take time. */
const longestPattern = 256;

/** Names first, then the pattern. A regular expression of a stranger is never run: it means nobody. */
export function isMeant({ destination, pattern }: ControlRequest, node: string): boolean {
  if (destination !== undefined) return destination.includes(node);
  if (pattern === undefined) return true;
  return pattern.matcher === 'glob' && matchesGlob(pattern.text, node);
}

/** As Python's `fnmatch`, without sets: `*` is any text, `?` one character. At worst pattern × text steps. */
export function matchesGlob(pattern: string, text: string): boolean {
  if (pattern.length > longestPattern) return false;
  let at = 0;
  let from = 0;
  let star = -1;
  let resumeAt = 0;
  while (from < text.length) {
    if (pattern[at] === '*') {
      star = at++;
      resumeAt = from;
    } else if (pattern[at] === '?' || pattern[at] === text[from]) {
      at++;
      from++;
    } else if (star !== -1) {
      at = star + 1;
      from = ++resumeAt;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
