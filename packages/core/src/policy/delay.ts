/** How long a message can be made to wait, and in what steps. Pure. */

/** 28 bits of seconds, about eight and a half years: as many levels as Celery's delay queues have. */
export const longestDelaySeconds: number = 2 ** 28 - 1;

/** Whole seconds that are not less than the delay; 0 for none. What is beyond the longest delay is cut: check before. */
export function wholeDelaySeconds(delayMs: number): number {
  if (!(delayMs > 0)) return 0;
  return Math.min(longestDelaySeconds, Math.ceil(delayMs / 1000));
}

/** An exchange of Celery's native delayed delivery, which a message passes on its way. */
export function isDelayExchange(exchange: string): boolean {
  return /^celery_delayed_(\d+|delivery)$/u.test(exchange);
}
