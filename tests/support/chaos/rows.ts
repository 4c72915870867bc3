/** The chaos table, by number. */
import type { Row } from './row.js';
import { brokerRows } from './rows-broker.js';
import { clusterRows } from './rows-cluster.js';
import { delayRows } from './rows-delays.js';
import { networkRows } from './rows-network.js';
import { processRows } from './rows-processes.js';
import { publishingRows } from './rows-publishing.js';
import { togetherRows } from './rows-together.js';

export const rows: readonly Row[] = [
  ...processRows,
  ...brokerRows,
  ...networkRows,
  ...clusterRows,
  ...delayRows,
  ...publishingRows,
  ...togetherRows,
].sort((a, b) => a.number - b.number);

export function rowOf(number: number): Row {
  const row = rows.find((one) => one.number === number);
  if (row === undefined) {
    throw new Error(`no row ${number}; there are ${rows.map((one) => one.number).join(', ')}`);
  }
  return row;
}
