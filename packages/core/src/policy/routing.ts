/**
 * Routing by name: AMQP topic patterns, and the configured routes from task names to queues. Pure, and linear:
 * patterns come from configuration and messages, and must not be able to stall anyone.
 */

/** A test for one pattern. `*` is exactly one word, `#` zero or more (AMQP 0-9-1 §3.1.3.3). */
export function compilePattern(pattern: string): (routingKey: string) => boolean {
  const wanted = pattern.split('.');
  if (!pattern.includes('#') && !pattern.includes('*')) return (key) => key === pattern;
  return (key) => matchesWords(wanted, key.split('.'));
}

export function matchesPattern(pattern: string, routingKey: string): boolean {
  return matchesWords(pattern.split('.'), routingKey.split('.'));
}

/** Greedy with one point to return to, the last `#`: at worst pattern length × key length steps. */
function matchesWords(wanted: readonly string[], words: readonly string[]): boolean {
  let at = 0;
  let word = 0;
  let lastHash = -1;
  let resumeAt = 0;
  while (word < words.length) {
    const want = wanted[at];
    if (want === '#') {
      lastHash = at++;
      resumeAt = word;
    } else if (at < wanted.length && (want === '*' || want === words[word])) {
      at++;
      word++;
    } else if (lastHash !== -1) {
      at = lastHash + 1;
      word = ++resumeAt;
    } else return false;
  }
  while (wanted[at] === '#') at++;
  return at === wanted.length;
}

/** The queue a task's name is routed to. `*` in a route stands for any text; the most literal text wins. */
export function routeTask(routes: Readonly<Record<string, string>>, task: string): string | undefined {
  if (Object.hasOwn(routes, task)) return routes[task];
  let best: { readonly queue: string; readonly literal: number } | undefined;
  for (const [glob, queue] of Object.entries(routes)) {
    const literal = glob.replaceAll('*', '').length;
    if ((best === undefined || literal > best.literal) && matchesGlob(glob, task)) best = { queue, literal };
  }
  return best?.queue;
}

/** `*` stands for any text. */
export function matchesGlob(glob: string, text: string): boolean {
  const pieces = glob.split('*');
  if (pieces.length === 1) return glob === text;
  const first = pieces[0] as string;
  const last = pieces.at(-1) as string;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length)
    return false;
  let from = first.length;
  const end = text.length - last.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, from);
    if (found === -1 || found + piece.length > end) return false;
    from = found + piece.length;
  }
  return true;
}
