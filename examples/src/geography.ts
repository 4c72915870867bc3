/** Distances on the globe, in whole metres: whole numbers add up to the same sum in any order. Pure. */
import type { Airport } from './dataset.js';

type Point = Pick<Airport, 'latitude' | 'longitude'>;

const earthRadius = 6_371_000;
const radians = Math.PI / 180;

/** By the haversine formula. */
export function metresBetween(a: Point, b: Point): number {
  const north = Math.sin(((b.latitude - a.latitude) * radians) / 2);
  const east = Math.sin(((b.longitude - a.longitude) * radians) / 2);
  const slope = Math.cos(a.latitude * radians) * Math.cos(b.latitude * radians);
  return Math.round(2 * earthRadius * Math.asin(Math.sqrt(north * north + slope * east * east)));
}

/** Metres from `airport` to the nearest other one. */
export function metresToNearest(airport: Airport, airports: readonly Airport[]): number {
  let least = Infinity;
  for (const other of airports) {
    const north = Math.abs(other.latitude - airport.latitude) * radians * earthRadius;
    // Farther north or south alone than the nearest so far: spares most of the trigonometry.
    if (other.id === airport.id || north > least + 1) continue;
    least = Math.min(least, metresBetween(airport, other));
  }
  return least;
}

/** Four decimals of a degree: about eleven metres. */
export function surveyed(point: Point): Point {
  return { latitude: fourDecimals(point.latitude), longitude: fourDecimals(point.longitude) };
}

export function tenThousandths(degrees: number): number {
  return Math.round(degrees * 10_000);
}

function fourDecimals(degrees: number): number {
  return tenThousandths(degrees) / 10_000;
}
