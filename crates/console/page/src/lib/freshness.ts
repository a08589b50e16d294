/** Whether a current value may be shown as such. A bad reading has no value, an old one says so. */

import type { Current, Point } from './types';

/** A value is old after so many of its point's intervals. */
const OLD_INTERVALS = 5;
/** No value is called old sooner than this: frames, clocks and heartbeats have their own pace. */
const OLD_MIN_MS = 60_000;

export interface Shown {
  /** `none`: never reported; `missing`: a reading without a value. */
  kind: 'none' | 'missing' | 'value';
  uncertain: boolean;
  reason: string | null;
  /** Milliseconds since the reading, when that is long; null when it is fresh. */
  old_ms: number | null;
}

export function shownOf(point: Point, current: Current | undefined, now: number): Shown {
  if (!current) return { kind: 'none', uncertain: false, reason: null, old_ms: null };
  const age = now - current.time;
  const limit = Math.max(OLD_MIN_MS, OLD_INTERVALS * point.interval_ms);
  const old = point.interval_ms > 0 && age > limit;
  const missing = current.quality === 'bad' || current.value === null;
  return {
    kind: missing ? 'missing' : 'value',
    uncertain: current.quality === 'uncertain',
    reason: current.reason,
    old_ms: old || (missing && age > limit) ? age : null,
  };
}
