/** How far another machine's clock is from ours. Pure. */
import { type Check, ok, warning } from './check.js';

/** What delays and expiries are told in. */
const noticedMs = 2_000;

/** `aheadMs`: theirs minus ours; `uncertainMs`: what the way there may account for. */
export function clockCheck(subject: string, aheadMs: number, uncertainMs: number): Check {
  const ms = Math.round(aheadMs);
  const found = `${Math.abs(ms)} ms ${ms < 0 ? 'behind' : 'ahead of'} this machine, ± ${Math.ceil(uncertainMs)} ms`;
  if (Math.abs(aheadMs) - uncertainMs < noticedMs) return ok(subject, found);
  return warning(
    subject,
    found,
    'Synchronize both clocks (chrony, systemd-timesyncd): tasks would expire early or start late.',
  );
}
