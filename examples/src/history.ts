/**
 * What happens to the airports: each is created, a survey rounds the coordinates of most of them, those of Alaska
 * and Texas are deleted, those of Alaska restored. Pure, and the same in every run.
 */
import type { EventContract } from '@celeriac/core';

import { airportEvents } from './contracts.js';
import type { Airport } from './dataset.js';
import { surveyed } from './geography.js';

export type AirportValues = Omit<Airport, 'id'> & { readonly version: number };

export interface Change {
  readonly event: EventContract<AirportValues>;
  readonly id: string;
  readonly values: AirportValues;
  readonly originalValues?: Partial<AirportValues>;
}

export const isSurveyed = (airport: Airport): boolean => {
  const { latitude, longitude } = surveyed(airport);
  return latitude !== airport.latitude || longitude !== airport.longitude;
};
export const isDeleted = ({ state }: Airport): boolean => state === 'AK' || state === 'TX';
export const isRestored = ({ state }: Airport): boolean => state === 'AK';

/** In phases: a phase begins when the one before is published. */
export function history(airports: readonly Airport[]): readonly (readonly Change[])[] {
  return [
    airports.map((airport) => ({
      event: airportEvents.created,
      id: airport.id,
      values: valuesOf(airport, 1),
    })),
    airports.filter(isSurveyed).map((airport) => ({
      event: airportEvents.updated,
      id: airport.id,
      values: { ...valuesOf(airport, 2), ...surveyed(airport) },
      originalValues: { latitude: airport.latitude, longitude: airport.longitude },
    })),
    airports.filter(isDeleted).map((airport) => later(airportEvents.deleted, airport, 3)),
    airports.filter(isRestored).map((airport) => later(airportEvents.restored, airport, 4)),
  ];
}

function later(event: EventContract<AirportValues>, airport: Airport, version: number): Change {
  return { event, id: airport.id, values: { ...valuesOf(airport, version), ...surveyed(airport) } };
}

function valuesOf({ name, city, state, latitude, longitude }: Airport, version: number): AirportValues {
  return { name, city, state, latitude, longitude, version };
}
