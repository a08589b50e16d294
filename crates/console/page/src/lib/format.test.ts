import { describe, expect, test } from 'vitest';
import {
  decimals,
  formatAge,
  formatLag,
  formatLimit,
  formatNumber,
  formatTime,
  formatUnit,
  formatValue,
  formatWindow,
  NO_VALUE,
  opSign,
} from './format';

const words = { yes: 'yes', no: 'no' };

describe('values', () => {
  test('no value is a dash, never a number', () => {
    expect(formatValue(null, words)).toBe(NO_VALUE);
    expect(formatNumber(Number.NaN)).toBe(NO_VALUE);
    expect(formatNumber(Number.POSITIVE_INFINITY)).toBe(NO_VALUE);
  });

  test('decimals follow the range, so that digits stand still', () => {
    const range = { low: 0, high: 100 };
    expect(formatNumber(45.25, range)).toBe('45.3');
    expect(formatNumber(45, range)).toBe('45.0');
    expect(formatNumber(1.046, { low: 0, high: 4 })).toBe('1.05');
    expect(formatNumber(1013.4, { low: 0, high: 10_000 })).toBe('1013');
    expect(decimals({ low: 5, high: 5 }, 5)).toBe(0);
  });

  test('without a range the size of the value decides', () => {
    expect(formatNumber(7)).toBe('7');
    expect(formatNumber(0.012345)).toBe('0.0123');
    expect(formatNumber(1234.5)).toBe('1235');
  });

  test('nothing is minus zero', () => {
    expect(formatNumber(-0.0001, { low: -50, high: 50 })).toBe('0.0');
  });

  test('states and texts', () => {
    expect(formatValue(true, words)).toBe('yes');
    expect(formatValue(false, words)).toBe('no');
    expect(formatValue('OPEN', words)).toBe('OPEN');
  });

  test('limits, signs and units', () => {
    expect(formatLimit(25)).toBe('25');
    expect(formatLimit(0.1 + 0.2)).toBe('0.3');
    expect([opSign('above'), opSign('over'), opSign('below'), opSign('under'), opSign(null)]).toEqual(
      ['≥', '>', '≤', '<', ''],
    );
    expect([formatUnit('m3/h'), formatUnit('1'), formatUnit('kPa'), formatUnit(null)]).toEqual(
      ['m³/h', '', 'kPa', ''],
    );
  });
});

describe('spans', () => {
  test('a window says its day only where it is not today', () => {
    const at = (day: number, hour: number) => new Date(2026, 10, day, hour, 5, 59).getTime();
    const now = at(23, 12);
    expect(formatWindow(at(23, 8), at(23, 10), now)).toBe('08:05 – 10:05');
    expect(formatWindow(at(23, 22), at(24, 2), now)).toBe('22:05 – 11-24 02:05');
    expect(formatWindow(at(24, 8), at(24, 10), now)).toBe('11-24 08:05 – 10:05');
  });

  test.each([
    [0, '0秒', '0s'],
    [59_999, '59秒', '59s'],
    [185_000, '3分05秒', '3m05s'],
    [3_720_000, '1时02分', '1h02m'],
    [183_600_000, '2天3时', '2d3h'],
    [-5_000, '0秒', '0s'],
  ])('%d ms', (ms, zh, en) => {
    expect(formatAge(ms, 'zh')).toBe(zh);
    expect(formatAge(ms, 'en')).toBe(en);
  });

  test('lags keep their sign', () => {
    expect(formatLag(85, 'en')).toBe('85 ms');
    expect(formatLag(-2400, 'en')).toBe('-2.4 s');
    expect(formatLag(640_000, 'zh')).toBe('10分40秒');
    expect(formatLag(null, 'en')).toBe(NO_VALUE);
  });

  test('a time of another day has its date', () => {
    const noon = new Date(2026, 10, 23, 12, 0, 5).getTime();
    expect(formatTime(noon, noon + 1000)).toBe('12:00:05');
    expect(formatTime(noon, noon + 86_400_000)).toBe('2026-11-23 12:00:05');
  });
});
