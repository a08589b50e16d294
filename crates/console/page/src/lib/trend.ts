/**
 * The data behind a trend: a loaded range to which live samples are appended.
 *
 * Where there is no value there is a hole: a null from the server stays null, and a silence
 * longer than the gap is broken open, so that no line is drawn over time nobody measured.
 */

import type { Alarm, Current, Limit, Point, RangeAnswer, Value } from './types';

/** Most live samples appended; a trend that reaches it is loaded again, thinned by the server. */
export const APPENDED_MAX = 3000;
/** A silence shorter than this never breaks the line: unchanged values come by heartbeat. */
const GAP_MIN_MS = 90_000;
const GAP_INTERVALS = 5;
const GAP_STEPS = 3;

export interface Columns {
  t: number[];
  low: (number | null)[];
  high: (number | null)[];
  mean: (number | null)[];
}

/** A value as a height: a state is 0 or 1, a text has none. */
export function heightOf(value: Value): number | null {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** Silences longer than this are holes, also of a point that reports on change. */
export function gapMs(point: Pick<Point, 'interval_ms'>, stepMs: number): number {
  return Math.max(GAP_MIN_MS, GAP_INTERVALS * point.interval_ms, GAP_STEPS * stepMs);
}

export class Trend {
  readonly t: number[] = [];
  readonly low: (number | null)[] = [];
  readonly high: (number | null)[] = [];
  readonly mean: (number | null)[] = [];
  readonly banded: boolean;
  readonly #gap: number;
  #appended = 0;

  constructor(point: Pick<Point, 'interval_ms'>, range: RangeAnswer) {
    this.banded = range.downsampled;
    this.#gap = gapMs(point, range.step_ms);
    const { mean = [], min = mean, max = mean } = range;
    for (const [at, time] of range.t.entries()) {
      this.#push(time, min[at] ?? null, max[at] ?? null, mean[at] ?? null);
    }
  }

  /** Takes a live sample; one that is not newer than the last is left to the next loading. */
  append(sample: Current): boolean {
    const last = this.t.at(-1);
    if (last !== undefined && sample.time <= last) return false;
    const value = sample.quality === 'bad' ? null : heightOf(sample.value);
    this.#push(sample.time, value, value, value);
    this.#appended += 1;
    return true;
  }

  /** Forgets what lies before `from`, but for one step that leads the line in. */
  trim(from: number): void {
    let drop = 0;
    while (drop + 1 < this.t.length && (this.t[drop + 1] ?? from) < from) drop += 1;
    if (drop === 0) return;
    for (const column of [this.t, this.low, this.high, this.mean]) column.splice(0, drop);
  }

  /** True once when so much was appended that the range should be loaded anew. */
  overflows(): boolean {
    if (this.#appended < APPENDED_MAX) return false;
    this.#appended = 0;
    return true;
  }

  get empty(): boolean {
    return this.mean.every((value) => value === null);
  }

  columns(): Columns {
    return { t: this.t, low: this.low, high: this.high, mean: this.mean };
  }

  #push(t: number, low: number | null, high: number | null, mean: number | null): void {
    const last = this.t.at(-1);
    if (last !== undefined && t - last > this.#gap) this.#row(last + 1, null, null, null);
    this.#row(t, low, high, mean);
  }

  #row(t: number, low: number | null, high: number | null, mean: number | null): void {
    this.t.push(t);
    this.low.push(low);
    this.high.push(high);
    this.mean.push(mean);
  }
}

/** The heights to show: all data and all limits, with air around them. */
export function heights(columns: Columns, limits: readonly Limit[]): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  const take = (value: number | null) => {
    if (value === null) return;
    low = Math.min(low, value);
    high = Math.max(high, value);
  };
  columns.low.forEach(take);
  columns.high.forEach(take);
  limits.forEach((limit) => take(limit.value));
  if (low > high) return [0, 1];
  const air = (high - low) * 0.08 || Math.abs(high) * 0.05 || 1;
  return [low - air, high + air];
}

/** The alarms to mark in a window, oldest first. */
export function marks(alarms: readonly Alarm[], from: number, to: number): Alarm[] {
  return alarms
    .filter((alarm) => alarm.raised_at >= from && alarm.raised_at <= to)
    .sort((a, b) => a.raised_at - b.raised_at);
}
