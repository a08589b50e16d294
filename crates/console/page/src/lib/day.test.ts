import { describe, expect, test } from 'vitest';
import { DAY_MS, dayName, dayNamed, dayStart, hourName, HOUR_MS, minuteName, periodName, timeNamed, wallClock } from './day';

/** 2026-11-24T00:00 in China. */
const DAY = Date.UTC(2026, 10, 23, 16);

describe('days in China', () => {
  test('begin at 16:00 UTC, wherever the browser stands', () => {
    expect(dayStart(DAY)).toBe(DAY);
    expect(dayStart(DAY - 1)).toBe(DAY - DAY_MS);
    expect(dayStart(DAY + DAY_MS - 1)).toBe(DAY);
    expect([dayName(DAY), dayName(DAY - 1)]).toEqual(['2026-11-24', '2026-11-23']);
    expect(wallClock(DAY + 3_723_000)).toBe('01:02:03');
  });

  test('are named in fields, and what names none is none', () => {
    expect(dayNamed('2026-11-24')).toBe(DAY);
    for (const name of ['', '2026-11', '2026-13-01', '24.11.2026']) expect(dayNamed(name), name).toBeNull();
  });

  test('times go to fields and come back', () => {
    const at = DAY + 10 * HOUR_MS + 120_000;
    expect(minuteName(at)).toBe('2026-11-24T10:02');
    expect(timeNamed('2026-11-24T10:02')).toBe(at);
    expect(timeNamed('2026-11-24T10:02:03')).toBe(at + 3_000);
    for (const name of ['', '2026-11-24', '2026-11-24T25:00']) expect(timeNamed(name), name).toBeNull();
  });

  test('hours have names, the last one too', () => {
    expect(hourName(DAY)).toBe('00:00–01:00');
    expect(hourName(DAY + 23 * HOUR_MS)).toBe('23:00–24:00');
  });

  test('a period names the days that are not the one it is read on', () => {
    expect(periodName(DAY, DAY + 5_000, DAY)).toBe('00:00:00 – 00:00:05');
    expect(periodName(DAY, DAY, DAY)).toBe('00:00:00');
    expect(periodName(DAY - 1_000, DAY + 5_000, DAY)).toBe('11-23 23:59:59 – 11-24 00:00:05');
    expect(periodName(DAY - 2_000, DAY - 1_000, DAY)).toBe('11-23 23:59:58 – 23:59:59');
    expect(periodName(DAY, DAY + DAY_MS, DAY)).toBe('00:00:00 – 11-25 00:00:00');
  });
});
