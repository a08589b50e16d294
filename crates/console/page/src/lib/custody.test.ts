import { describe, expect, test } from 'vitest';
import {
  changesFrom,
  completeness,
  dayOf,
  hourIs,
  matching,
  partsOf,
  renewed,
  sumOf,
  worstFirst,
  worstHour,
  type Day,
} from './custody';
import { HOUR_MS } from './day';
import type { CustodyAnswer, CustodyGap, CustodyHour } from './types';

/** 2026-11-24T00:00 in China. */
const DAY = Date.UTC(2026, 10, 23, 16);

/** An hour of 3,600 reads, all good but for the causes. */
function hour(at: number, causes: Record<string, number> = {}, due = 3_600): CustodyHour {
  const listed = Object.entries(causes).map(([why, reads]) => ({ why, reads }));
  const lost = listed.reduce((sum, { reads }) => sum + reads, 0);
  return {
    hour: DAY + at * HOUR_MS, due, made: due, good: due - lost, unchanged: 0, delivered: due - lost,
    causes: listed,
  };
}

function answer(points: Record<string, CustodyHour[]>, gaps: CustodyGap[] = []): CustodyAnswer {
  const listed = Object.entries(points).map(([key, hours]) => ({
    key, title: { zh: `${key} 号`, en: `No. ${key}` }, interval_ms: 1_000, hours,
  }));
  return { gateway: 'e/g', points: listed, gaps, unreadable: 1 };
}

const day = (points: Record<string, CustodyHour[]>, gaps?: CustodyGap[]): Day => dayOf(DAY, [answer(points, gaps)]);
const at = (day: Day, key: string) => day.points.find((point) => point.key === key);

describe('a day', () => {
  test('has the points of all pages, their hours in place, and sums', () => {
    const gap = { from: DAY, until: DAY + 5, count: 3, why: 'budget' };
    const first = answer({ a: [hour(0, { timeout: 30 }), hour(2, { timeout: 5, refused: 9 })] }, [gap]);
    const whole = dayOf(DAY, [first, answer({ b: [hour(0)] }, [gap])]);
    expect(whole.points.map(({ key }) => key)).toEqual(['a', 'b']);
    expect(whole.gaps).toEqual([gap]);
    expect(whole.unreadable).toBe(2);
    const a = at(whole, 'a');
    expect(a?.hours).toHaveLength(24);
    expect(a?.hours.map((it) => it !== null).slice(0, 4)).toEqual([true, false, true, false]);
    expect(a?.sums).toEqual({
      due: 7_200, made: 7_200, good: 7_156, unchanged: 0, delivered: 7_156,
      causes: [{ why: 'timeout', reads: 35 }, { why: 'refused', reads: 9 }],
    });
  });

  test('leaves out what lies beside it', () => {
    expect(at(day({ a: [hour(-1), hour(24), hour(23)] }), 'a')?.sums.due).toBe(3_600);
  });

  test('sums of nothing are nothing', () => {
    expect(sumOf([null]).due).toBe(0);
    expect(completeness(sumOf([]))).toBeNull();
  });
});

describe('completeness', () => {
  test('is whole only when not one read is missing, and nothing only when all are', () => {
    expect(completeness({ good: 86_400, due: 86_400 })).toBe('100%');
    expect(completeness({ good: 9_999_999, due: 10_000_000 })).toBe('99.99%');
    expect(completeness({ good: 1, due: 10_000_000 })).toBe('0.01%');
    expect(completeness({ good: 0, due: 5 })).toBe('0.00%');
    expect(completeness({ good: 2, due: 3 })).toBe('66.66%');
  });
});

describe('an hour', () => {
  test('is as bad as the worst in it, and one to come is not a bad one', () => {
    const is = (it: CustodyHour | null, start = 0) => hourIs(it, start, 5);
    expect(is(hour(0))).toBe('whole');
    expect(is(hour(0, { under_way: 1, no_account: 1 }))).toBe('open');
    expect(is(hour(0, { under_way: 900, timeout: 1 }))).toBe('lost');
    expect(is(hour(0, {}, 0))).toBe('none');
    expect(is(null, 4)).toBe('none');
    expect(is(null, 6)).toBe('future');
  });

  test('is drawn in parts that fill it, and one read is seen', () => {
    expect(partsOf(hour(0))).toEqual({ good: 1, open: 0, lost: 0 });
    expect(partsOf(hour(0, { timeout: 3_600 }))).toEqual({ good: 0, open: 0, lost: 1 });
    const half = partsOf(hour(0, { timeout: 900, under_way: 900 }));
    expect(half).toEqual({ good: 0.5, open: 0.25, lost: 0.25 });
    for (const causes of [{ timeout: 1 }, { timeout: 3_599 }, { timeout: 1, under_way: 1 }]) {
      const { good, open, lost } = partsOf(hour(0, causes));
      expect(good + open + lost).toBeCloseTo(1);
      expect(lost).toBeGreaterThan(0.1);
      expect(good).toBeGreaterThan(0.1);
    }
  });

  test('the worst one is where a person looks first', () => {
    const hours = at(day({ a: [hour(0), hour(1, { timeout: 3 }), hour(2, { timeout: 9 })] }), 'a')?.hours;
    expect(worstHour(hours ?? [])).toBe(2);
    expect(worstHour([null, hour(1)])).toBe(1);
    expect(worstHour([])).toBe(0);
  });
});

describe('renewing', () => {
  const before = day(
    { a: [hour(0, { under_way: 5 }), hour(1), hour(2, { no_account: 9 })], b: [hour(0), hour(1)] },
    [
      { from: DAY, until: DAY + 5, count: 1, why: 'budget' },
      { from: DAY + HOUR_MS, until: DAY + 3 * HOUR_MS, count: 1, why: 'restart' },
    ],
  );

  test('goes back to what is under way, and no further than the hour before otherwise', () => {
    expect(changesFrom(before, DAY + 10 * HOUR_MS + 5)).toBe(DAY);
    expect(changesFrom(day({ a: [hour(1, { timeout: 5 })] }), DAY + 10 * HOUR_MS + 5)).toBe(DAY + 9 * HOUR_MS);
    expect(changesFrom(day({}), DAY + 5)).toBe(DAY);
  });

  test('replaces what is newer and keeps the rest', () => {
    const from = DAY + HOUR_MS;
    const restart = { from: DAY + HOUR_MS, until: DAY + 4 * HOUR_MS, count: 2, why: 'restart' };
    const newer = day({ a: [hour(1, { timeout: 7 }), hour(3)] }, [restart]);
    const after = renewed(before, from, newer);
    const a = after?.points.find(({ key }) => key === 'a');
    expect(a?.hours.slice(0, 4).map((it) => it?.good ?? null)).toEqual([3_595, 3_593, null, 3_600]);
    expect(a?.sums.good).toBe(3_595 + 3_593 + 3_600);
    expect(after && at(after, 'b')).toBe(at(before, 'b'));
    expect(after?.gaps.map(({ count }) => count)).toEqual([1, 2]);
  });

  test('cannot be done with points whose earlier hours are not known', () => {
    expect(renewed(before, DAY + HOUR_MS, day({ c: [hour(3)] }))).toBeNull();
  });
});

describe('the list', () => {
  const points = day({
    whole: [hour(0)],
    silent: [hour(0, {}, 0)],
    bad: [hour(0, { timeout: 3_600 })],
    less: [hour(0, { timeout: 36 })],
    longer: [hour(0, { timeout: 36 }), hour(1, { timeout: 36 })],
  }).points;

  test('has what is least complete first, and what is not due at last', () => {
    expect(worstFirst(points).map(({ key }) => key)).toEqual(['bad', 'longer', 'less', 'whole', 'silent']);
  });

  test('is searched by key and title in both languages', () => {
    const found = (search: string) => matching(points, search).map(({ key }) => key);
    expect(found(' L ')).toEqual(['whole', 'silent', 'less', 'longer']);
    expect(found('bad 号')).toEqual(['bad']);
    expect(found('NO. LESS')).toEqual(['less']);
    expect(found('nothing')).toEqual([]);
    expect(found('')).toHaveLength(5);
  });
});
