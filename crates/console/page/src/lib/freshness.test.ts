import { describe, expect, test } from 'vitest';
import { ON_CHANGE_AGE_MAX_MS, shownOf } from './freshness';
import type { Current, Point } from './types';

const point = { interval_ms: 1000 } as Point;
const current = (more: Partial<Current> = {}): Current => ({
  id: 'p', time: 1000, value: 5, quality: 'good', reason: null, ...more,
});

describe('what is shown of a reading', () => {
  test('a fresh good one is a value', () => {
    expect(shownOf(point, current(), 2000)).toEqual({
      kind: 'value', uncertain: false, reason: null, old_ms: null,
    });
  });

  test('a bad one is never a value, even if the server sent one', () => {
    const shown = shownOf(point, current({ quality: 'bad', reason: 'timeout' }), 2000);
    expect(shown.kind).toBe('missing');
    expect(shown.reason).toBe('timeout');
    expect(shownOf(point, current({ value: null }), 2000).kind).toBe('missing');
  });

  test('an old one says so', () => {
    expect(shownOf(point, current(), 120_000).old_ms).toBe(119_000);
    expect(shownOf({ interval_ms: 60_000 } as Point, current(), 120_000).old_ms).toBe(null);
  });

  test('a point that reports on change ages too', () => {
    const onChange = { interval_ms: 0 };
    expect(shownOf(onChange, current(), 1000 + ON_CHANGE_AGE_MAX_MS).old_ms).toBe(null);
    expect(shownOf(onChange, current(), 1001 + ON_CHANGE_AGE_MAX_MS).old_ms).toBe(60_001);
  });

  test('one that the server or an alarm disowns is not fresh, however young', () => {
    expect(shownOf(point, current(), 2000, true).old_ms).toBe(1000);
    for (const reason of ['stale', 'gateway_silent']) {
      expect(shownOf(point, current({ reason, quality: 'uncertain' }), 2000).old_ms).toBe(1000);
      expect(shownOf(point, current({ reason, quality: 'bad' }), 500).old_ms).toBe(0);
    }
    expect(shownOf(point, current({ reason: 'clock' }), 2000).old_ms).toBe(null);
  });

  test('a point that never reported has nothing', () => {
    expect(shownOf(point, undefined, 1).kind).toBe('none');
  });

  test('an uncertain one keeps its value and its reason', () => {
    const shown = shownOf(point, current({ quality: 'uncertain', reason: 'clock' }), 2000);
    expect([shown.kind, shown.uncertain, shown.reason]).toEqual(['value', true, 'clock']);
  });
});
