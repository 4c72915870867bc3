/** Errors that travel as answers of remote control, in Python's words. */

/** Its text is the answer, as Python would print an exception: `KeyError('no_such_cmd')`. */
export class ControlError extends Error {
  override readonly name: string = 'ControlError';
}

/** `KeyError('x')`. */
export function pythonError(kind: string, text: string): ControlError {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`);
  return new ControlError(`${kind}(${quote}${escaped}${quote})`);
}
