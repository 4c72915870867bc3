/** What other packages use of the decisions that ask nobody: retries, routes, keys, limits. */
export { backoffMs } from './backoff.js';
export { nearest } from './nearest.js';
export { checkedQueueName } from './queue-name.js';
export { compilePattern, matchesGlob, matchesPattern, routeTask } from './routing.js';
export { deliveriesHeader, deliveryCount, isRepeated } from './redelivery.js';
export type { DeliveryCount } from './redelivery.js';
export { decideRetry, retryDelayMs } from './retry.js';
export type { AttemptFacts, GaveUp, RetryDecision } from './retry.js';
export { checkKeyOptions } from './key-options.js';
export type { DebounceOptions, IdempotencyOptions, KeyOf, KeyOptions, UniqueOptions } from './key-options.js';
export { keyOfInput, scopedKey, valueAtPath } from './keys.js';
export { checkLimitOptions, limitsOf, readRate } from './limit-options.js';
export type {
  ConcurrencyLimit,
  ConcurrencyOptions,
  KillSwitch,
  KillSwitchOptions,
  LimitKey,
  LimitOptions,
  Limits,
  LimitScope,
  RateLimit,
  RateLimitOptions,
} from './limit-options.js';
export { isIdleLane, newLane, paceOf, slackMs, takeTurn } from './pace.js';
export type { Asker, Lane, Pace, Turn } from './pace.js';
export { checkRetryOptions, retryPolicy } from './retry-options.js';
export type { RetryOptions, RetryPolicy } from './retry-options.js';
