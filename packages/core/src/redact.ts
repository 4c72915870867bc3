/**
 * Keeps secrets out of whatever people read: error texts, log lines, printed configuration. Pure text work; it
 * knows the shape of URLs and the usual names of secret keys, and never a secret itself.
 */

const mask = '***';

/** The user-info of any URL in a text: everything between `//` and the last `@` before a blank or a quote. */
const urlUserInfo = /([a-z][a-z0-9+.-]*:\/\/)([^\s"'`<>]*)@/giu;

/** Names whose values are secret, in any spelling: `password`, `api_key`, `accessToken`, … */
const secretKey =
  /pass(word|wd|phrase)?$|secret|token$|credential|api[_-]?key|private[_-]?key|authorization/iu;

/** Masks the password of every URL in `text`: `amqp://me:pw@host` becomes `amqp://me:***@host`. */
export function redact(text: string): string {
  return text.replace(urlUserInfo, (_all, scheme: string, userInfo: string) => {
    const colon = userInfo.indexOf(':');
    // With several hosts or raw `@` in one text the greedy match spans them: what is not clearly a user is masked.
    const user = colon === -1 ? userInfo : userInfo.slice(0, colon);
    const hidden = colon === -1 ? '' : `:${mask}`;
    return /[/?#;]/u.test(user) ? `${scheme}${mask}@` : `${scheme}${user}${hidden}@`;
  });
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
  if (value instanceof Error) return redact(value.message);
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
