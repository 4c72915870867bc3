/**
 * The data: 3,376 airports of the United States and its territories, from data.gov, a work of the US government
 * (https://www.usa.gov/government-works), as the npm package vega-datasets ships it. Reads one file.
 */
import { readFile } from 'node:fs/promises';

export interface Airport {
  /** IATA or FAA code. */
  readonly id: string;
  readonly name: string;
  readonly city: string;
  readonly state: string;
  /** Degrees. */
  readonly latitude: number;
  readonly longitude: number;
}

export async function loadAirports(): Promise<readonly Airport[]> {
  const file = new URL('../data/airports.csv', import.meta.resolve('vega-datasets'));
  const [, ...rows] = (await readFile(file, 'utf8')).trim().split(/\r?\n/u);
  return rows.map(toAirport);
}

function toAirport(row: string): Airport {
  const [id = '', name = '', city = '', state = '', , latitude, longitude] = fields(row);
  return { id, name, city, state, latitude: Number(latitude), longitude: Number(longitude) };
}

/** Splits a line of CSV: a quoted field may hold commas, and quotes that are doubled. */
function fields(row: string): string[] {
  return [...row.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/gu)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
}
