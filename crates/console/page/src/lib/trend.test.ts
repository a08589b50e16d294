import { describe, expect, test } from 'vitest';
import { APPENDED_MAX, gapMs, heightOf, heights, Trend } from './trend';
import type { Current, Limit, RangeAnswer } from './types';

const point = { interval_ms: 1000 };
const range = (more: Partial<RangeAnswer> = {}): RangeAnswer => ({
  point: 'p', unit: '%', downsampled: false, step_ms: 0,
  t: [1000, 2000, 3000], mean: [1, null, 3], min: [1, null, 3], max: [1, null, 3], bad: [0, 1, 0],
  ...more,
});
const sample = (time: number, more: Partial<Current> = {}): Current => ({
  id: 'p', time, value: 5, quality: 'good', reason: null, ...more,
});

describe('a trend', () => {
  test('keeps holes as holes', () => {
    expect(new Trend(point, range()).columns().mean).toEqual([1, null, 3]);
  });

  test('breaks the line over a silence', () => {
    const trend = new Trend(point, range({ t: [0, 200_000], mean: [1, 2], min: [1, 2], max: [1, 2] }));
    expect(trend.columns().t).toEqual([0, 1, 200_000]);
    expect(trend.columns().mean).toEqual([1, null, 2]);
  });

  test('breaks it for a point that reports on change as well', () => {
    expect(gapMs({ interval_ms: 0 }, 1000)).toBe(90_000);
    const two = { mean: [1, 2], min: [1, 2], max: [1, 2] };
    const onChange = { interval_ms: 0 };
    expect(new Trend(onChange, range({ t: [0, 90_000], ...two })).t).toEqual([0, 90_000]);
    expect(new Trend(onChange, range({ t: [0, 90_001], ...two })).t).toEqual([0, 1, 90_001]);
    expect(gapMs({ interval_ms: 60_000 }, 0)).toBe(300_000);
  });

  test('appends what is newer, and never a bad value', () => {
    const trend = new Trend(point, range());
    expect(trend.append(sample(2500))).toBe(false);
    expect(trend.append(sample(4000))).toBe(true);
    expect(trend.append(sample(5000, { quality: 'bad', value: 99 }))).toBe(true);
    expect(trend.columns().mean).toEqual([1, null, 3, 5, null]);
  });

  test('forgets what left the window, but for the step that leads in', () => {
    const trend = new Trend(point, range());
    trend.trim(2500);
    expect(trend.columns().t).toEqual([2000, 3000]);
  });

  test('asks once to be loaded again when it grew too long', () => {
    const trend = new Trend(point, range());
    for (let n = 1; n <= APPENDED_MAX; n += 1) trend.append(sample(3000 + n));
    expect(trend.overflows()).toBe(true);
    expect(trend.overflows()).toBe(false);
  });

  test('a range without numbers, as of a text, is empty', () => {
    expect(new Trend(point, { ...range(), t: [] }).empty).toBe(true);
    expect(new Trend(point, range({ t: [1], mean: [null], min: [null], max: [null] })).empty).toBe(true);
  });
});

test('states have heights, texts have none', () => {
  expect([true, false, 2, 'x', null].map(heightOf)).toEqual([1, 0, 2, null, null]);
});

test('the heights hold all data and all limits', () => {
  const limit: Limit = { rule: 'r', level: 'L', op: 'above', value: 50, reset: 40, severity: 'red' };
  const [low, high] = heights(new Trend(point, range()).columns(), [limit]);
  expect(low).toBeLessThan(1);
  expect(high).toBeGreaterThan(50);
  expect(heights({ t: [], low: [], high: [], mean: [] }, [])).toEqual([0, 1]);
});
