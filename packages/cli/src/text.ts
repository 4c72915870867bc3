/** Texts for a terminal: columns, ages, and nothing that could drive it. Pure. */

const drivingTerminals = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** Control characters are written out: a foreign text may hold commands for the terminal. */
export function printable(text: string): string {
  return text.replace(drivingTerminals, escaped);
}

/** The same for a text of several lines that is ours but for what it quotes. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** JSON that a terminal shows as it stands: `JSON.stringify` leaves DEL, C1 and what turns the direction of a text. */
export function printableJson(json: string): string {
  // Outside its texts JSON has no character of these but the line breaks of an indent.
  return json.replace(drivingTerminals, (character) => (character === '\n' ? character : escaped(character)));
}

/** As JSON writes it: code unit by code unit. */
function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}

/** Names in a table: one that somebody chose too long must not widen every row. */
export function shortText(text: string, most = 80): string {
  const characters = Array.from(text);
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** `3d 4h`: the two largest units. */
export function ago(ms: number): string {
  const first = units.findIndex(([, size]) => ms >= size);
  if (first === -1) return '0s';
  let rest = ms;
  const parts = units.slice(first, first + 2).map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return [count, unit] as const;
  });
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}

/** Left-aligned columns; those of numbers (by index) are right-aligned. */
export function columns(rows: readonly (readonly string[])[], numbers: ReadonlySet<number>): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) =>
      widths
        .map((width, column) => {
          const text = row[column] ?? '';
          return numbers.has(column) ? text.padStart(width) : text.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
