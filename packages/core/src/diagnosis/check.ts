/** What a look at one thing found. Plain data, for people and for programs. */

/** `skipped`: it could not be looked at, or there is nothing to look at. */
export type CheckState = 'ok' | 'warning' | 'failed' | 'skipped';

export interface Check {
  /** What was looked at: `broker`, `queue billing`. */
  readonly subject: string;
  readonly state: CheckState;
  /** What is so. Never a secret. */
  readonly found: string;
  /** What to do about it; absent where nothing has to be done. */
  readonly advice?: string | undefined;
  /** Of the error, where it failed with one of ours. */
  readonly code?: string | undefined;
}

export function ok(subject: string, found: string): Check {
  return { subject, state: 'ok', found };
}

export function skipped(subject: string, found: string, advice?: string): Check {
  return { subject, state: 'skipped', found, advice };
}

export function warning(subject: string, found: string, advice: string): Check {
  return { subject, state: 'warning', found, advice };
}

export function failed(subject: string, found: string, advice: string): Check {
  return { subject, state: 'failed', found, advice };
}
