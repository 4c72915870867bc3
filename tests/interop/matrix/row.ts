/** What a row of the matrix is, and the words that rows are written in. */

/** One direction of a row. Text is Markdown; `n/a`: there is nothing to check. */
export type Side = {
  /** Where another file of tests/ shows it; else the matrix itself has a check for it. */
  readonly shown?: readonly [file: string, title: string];
} & (
  | { readonly is: 'same'; readonly note?: string }
  | { readonly is: 'differs'; readonly note: string }
  | { readonly is: 'open'; readonly note: string }
  | { readonly is: 'n/a'; readonly note: string }
);

export interface Row {
  readonly what: string;
  /** Node sends, a Python worker runs. */
  readonly toPython: Side;
  /** Python sends, a Node worker runs. */
  readonly toNode: Side;
}

export const same: Side = { is: 'same' };
export const withNote = (note: string): Side => ({ is: 'same', note });
export const differs = (note: string): Side => ({ is: 'differs', note });
export const nothing = (note: string): Side => ({ is: 'n/a', note });
export const shown = (side: Side, file: string, title: string): Side => ({ ...side, shown: [file, title] });
