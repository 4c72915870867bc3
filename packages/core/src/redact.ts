/**
 * Keeps secrets out of whatever people read: error texts, log lines, printed configuration. Pure text work; it
 * knows the shape of URLs and the usual names of secret keys, and never a secret itself.
 */

const mask = '***';

/** Names whose values are secret, in any spelling: `password`, `api_key`, `accessToken`, … */
const secretKey =
  /pass(word|wd|phrase)?$|secret|token$|credential|api[_-]?key|private[_-]?key|authorization/iu;

/** What ends a URL in a text. */
const urlEnd = /[\s"'`<>]/u;
/** The scheme before `://`. */
const scheme = /[a-z][a-z0-9+.-]{0,20}$/iu;
/** Longer user-info is not looked for: the search has to stay linear in hostile texts. */
const longestUrl = 4096;

/**
 * Masks the password of every URL in `text`: `amqp://me:pw@host` becomes `amqp://me:***@host`. User-info is everything
 * between `//` and the last `@` before a blank or a quote. Linear: error texts come from anywhere.
 */
export function redact(text: string): string {
  let from = 0;
  let shown = '';
  let nextAt = text.indexOf('@');
  for (;;) {
    const colons = text.indexOf('://', from);
    if (colons === -1) return shown + text.slice(from);
    const start = colons + 3;
    if (nextAt !== -1 && nextAt < start) nextAt = text.indexOf('@', start);
    if (nextAt === -1) return shown + text.slice(from);
    const length = nextAt - start < longestUrl ? userInfoLength(text, start) : -1;
    const isUrl = length !== -1 && scheme.test(text.slice(Math.max(from, colons - 24), colons));
    shown += text.slice(from, start);
    if (isUrl) shown += maskedUser(text.slice(start, start + length));
    from = isUrl ? start + length : start;
  }
}

/** How long the user-info is that begins at `start`; -1 when there is none. */
function userInfoLength(text: string, start: number): number {
  const url = text.slice(start, start + longestUrl);
  const end = url.search(urlEnd);
  return (end === -1 ? url : url.slice(0, end)).lastIndexOf('@');
}

function maskedUser(userInfo: string): string {
  const colon = userInfo.indexOf(':');
  // With several hosts or raw `@` in one text the match spans them: what is not clearly a user is masked.
  const user = colon === -1 ? userInfo : userInfo.slice(0, colon);
  if (/[/?#;]/u.test(user)) return mask;
  return colon === -1 ? user : `${user}:${mask}`;
}

/** True when the value under this key should never be shown. */
export function isSecretKey(key: string): boolean {
  return secretKey.test(key);
}

/** A copy of `value` with secrets masked by key and by URL. Depth is capped; what lies deeper is left out. */
export function redactValue(value: unknown, depth = 6): unknown {
  if (typeof value === 'string') return redact(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return redact(messageOf(value));
  if (value instanceof Date) return value;
  if (depth === 0) return '…';
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth - 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      isSecretKey(key) && item != null ? mask : redactValue(item, depth - 1),
    ]),
  );
}

/** Anyone may have assigned anything to `message`. */
function messageOf({ message }: { readonly message: unknown }): string {
  return typeof message === 'string' ? message : 'an error';
}
