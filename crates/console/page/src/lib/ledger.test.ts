import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { api, ApiError } from './api';
import { DAY_MS, HOUR_MS } from './day';
import { Ledger, RENEW_MS } from './ledger.svelte';
import type { CustodyAnswer, CustodyHour } from './types';

/** 2026-11-24T00:00 in China. */
const DAY = Date.UTC(2026, 10, 23, 16);
const NOON = DAY + 12 * HOUR_MS;
const BUSY = new ApiError('busy', { zh: '查询过多', en: 'too many reads' });

/** What was asked for, as hours of the day and the point after which. */
let asked: [number, number, string][];
let hidden: boolean;
/** Reads under way, by the hour of the day. */
let underWay: Map<number, number>;
let fails: boolean;

function hour(at: number): CustodyHour {
  const reads = underWay.get(at) ?? 0;
  const causes = reads > 0 ? [{ why: 'under_way', reads }] : [];
  return { hour: DAY + at * HOUR_MS, due: 9, made: 9, good: 9 - reads, unchanged: 0, delivered: 9 - reads, causes };
}

beforeEach(() => {
  vi.useFakeTimers({ now: NOON });
  asked = [];
  hidden = false;
  fails = false;
  underWay = new Map();
  vi.stubGlobal('document', { get hidden() { return hidden; } });
  // Two points, one in each page.
  vi.spyOn(api, 'custody').mockImplementation(async (gateway, { from, to }, after) => {
    const [first, end] = [(from - DAY) / HOUR_MS, (to - DAY) / HOUR_MS];
    asked.push([first, end, after]);
    if (fails) throw BUSY;
    const hours = [...Array(13).keys()].filter((at) => at >= first).map(hour);
    const point = { key: after === '' ? 'a' : 'b', title: { zh: '', en: '' }, interval_ms: 1_000, hours };
    const answer: CustodyAnswer = { gateway, points: [point], gaps: [], unreadable: 0 };
    return after === '' ? { ...answer, next: 'a' } : answer;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const open = (start = DAY) => {
  const ledger = new Ledger('e/g', start, () => Date.now());
  return { ledger, close: ledger.open() };
};
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('an account', () => {
  test('is read page by page, then renewed each minute as far as it may change', async () => {
    const { ledger, close } = open();
    await pass(0);
    expect(asked).toEqual([[0, 24, ''], [0, 24, 'a']]);
    expect(ledger.day?.points.map(({ key }) => key)).toEqual(['a', 'b']);
    expect(ledger.readAt).toBe(NOON);
    asked = [];
    underWay.set(12, 4);
    await pass(RENEW_MS);
    expect(asked).toEqual([[11, 24, ''], [11, 24, 'a']]);
    expect(ledger.day?.points[0]?.sums.causes).toEqual([{ why: 'under_way', reads: 4 }]);
    expect(ledger.day?.points[0]?.sums.due).toBe(13 * 9);
    close();
    asked = [];
    await pass(30 * RENEW_MS);
    expect(asked).toEqual([]);
  });

  test('goes back to what is under way, and reads everything now and then', async () => {
    underWay.set(3, 1);
    const { close } = open();
    await pass(0);
    asked = [];
    underWay.clear();
    await pass(RENEW_MS);
    expect(asked[0]).toEqual([3, 24, '']);
    asked = [];
    await pass(9 * RENEW_MS);
    expect(asked.filter(([first]) => first === 0)).toHaveLength(2);
    close();
  });

  test('of a day that is over is renewed only while something of it is under way', async () => {
    vi.setSystemTime(DAY + 2 * DAY_MS);
    underWay.set(5, 1);
    const { ledger, close } = open();
    await pass(0);
    asked = [];
    underWay.clear();
    await pass(RENEW_MS);
    expect(asked[0]).toEqual([5, 24, '']);
    expect(ledger.day?.points[0]?.sums.causes).toEqual([]);
    asked = [];
    await pass(30 * RENEW_MS);
    expect(asked).toEqual([]);
    close();
  });

  test('is read anew for a while after a period was asked for again, also one that is over', async () => {
    vi.setSystemTime(DAY + 2 * DAY_MS);
    const { ledger, close } = open();
    await pass(0);
    asked = [];
    ledger.expect();
    await pass(3 * RENEW_MS);
    expect(asked.filter(([first]) => first === 0).length).toBeGreaterThanOrEqual(4);
    await pass(10 * RENEW_MS);
    asked = [];
    await pass(30 * RENEW_MS);
    expect(asked).toEqual([]);
    close();
  });

  test('whose day ended while the server did not answer is still answered for', async () => {
    vi.setSystemTime(DAY + DAY_MS + HOUR_MS - 70_000);
    const { ledger, close } = open();
    await pass(0);
    fails = true;
    await pass(RENEW_MS);
    expect(ledger.failed).not.toBeNull();
    fails = false;
    asked = [];
    await pass(RENEW_MS);
    expect([ledger.failed, ledger.day?.points.length]).toEqual([null, 2]);
    expect(asked.filter(([first, end]) => first >= end)).toEqual([]);
    close();
  });

  test('stays shown when it cannot be renewed, says why, and is tried again', async () => {
    const { ledger, close } = open();
    await pass(0);
    fails = true;
    await pass(RENEW_MS);
    expect(ledger.failed).toEqual(BUSY.text);
    expect([ledger.day?.points.length, ledger.readAt]).toEqual([2, NOON]);
    fails = false;
    await pass(RENEW_MS / 2);
    expect(ledger.failed).toBeNull();
    expect(ledger.readAt).toBeGreaterThan(NOON);
    close();
  });

  test('that nobody looks at is not renewed until somebody does', async () => {
    const { close } = open();
    await pass(0);
    asked = [];
    hidden = true;
    await pass(10 * RENEW_MS);
    expect(asked).toEqual([]);
    hidden = false;
    await pass(RENEW_MS);
    expect(asked.length).toBeGreaterThan(0);
    close();
  });

  test('that was left tells nothing any more, nor fails', async () => {
    const { ledger, close } = open();
    close();
    await pass(RENEW_MS);
    expect([ledger.day, ledger.failed]).toEqual([null, null]);
    expect(asked).toHaveLength(1);
  });

  test('is never taken for whole when its pages do not go on', async () => {
    vi.mocked(api.custody).mockImplementation(async (gateway) => ({
      gateway, points: [], gaps: [], unreadable: 0, next: 'a',
    }));
    const { ledger, close } = open();
    await pass(0);
    expect(ledger.day).toBeNull();
    expect(ledger.failed).not.toBeNull();
    close();
  });
});
