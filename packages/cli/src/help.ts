/** What `--help` of a command says beside its options. Pure. */

/** The examples of a command, for `addHelpText('after', …)`. */
export function examples(...lines: readonly [string, ...string[]]): string {
  const word = lines.length === 1 ? 'Example' : 'Examples';
  return `\n${word}:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
