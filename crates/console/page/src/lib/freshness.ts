/** Whether a current value may be shown as such. A bad reading has no value, an old one says so. */

import type { Current, Point } from './types';

/** A value is old after so many of its point's intervals. */
const OLD_INTERVALS = 5;
/** No value is called old sooner than this: frames, clocks and heartbeats have their own pace. */
const OLD_MIN_MS = 60_000;
/**
 * A point that reports on change (`interval_ms` 0) names no pace, and a device that died looks
 * like one that does not change. So it too is old after this.
 */
export const ON_CHANGE_AGE_MAX_MS = 60_000;
/** Reasons by which the server says that the last reading no longer stands. */
const NOT_FRESH: ReadonlySet<string> = new Set(['stale', 'gateway_silent']);

export interface Shown {
  /** `none`: never reported; `missing`: a reading without a value. */
  kind: 'none' | 'missing' | 'value';
  uncertain: boolean;
  reason: string | null;
  /** Milliseconds since the reading, when it is not fresh; null when it is. */
  old_ms: number | null;
}

function ageMax(point: Pick<Point, 'interval_ms'>): number {
  if (point.interval_ms === 0) return ON_CHANGE_AGE_MAX_MS;
  return Math.max(OLD_MIN_MS, OLD_INTERVALS * point.interval_ms);
}

/** `silent`: an alarm stands that says the point does not report, see `AlarmBook.silentPoints`. */
export function shownOf(
  point: Pick<Point, 'interval_ms'>,
  current: Current | undefined,
  now: number,
  silent = false,
): Shown {
  if (!current) return { kind: 'none', uncertain: false, reason: null, old_ms: null };
  const age = Math.max(0, now - current.time);
  const disowned = silent || (current.reason !== null && NOT_FRESH.has(current.reason));
  const missing = current.quality === 'bad' || current.value === null;
  return {
    kind: missing ? 'missing' : 'value',
    uncertain: current.quality === 'uncertain',
    reason: current.reason,
    old_ms: disowned || age > ageMax(point) ? age : null,
  };
}
