/** What this process holds open, counted, to be compared before and after. Closes nothing. */

/** `kind → how many`: sockets, servers, timers, child processes; what a test runner holds is in it too. */
export function openResources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Whether a process exists, dead ones that nobody has waited for included. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
