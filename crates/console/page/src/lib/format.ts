/** Numbers, times and spans as people read them. Pure: the time now is always passed in. */

import type { Op, Span, Value } from './types';
import type { Lang } from './words';

/** What stands where there is no value; never a number. */
export const NO_VALUE = '—';
const DECIMALS_MAX = 4;
/** Digits that a value within its range is shown with, as in 45.3 of 0..100. */
const RANGE_DIGITS = 3;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Decimals that fit the range, so that digits do not jump while a value moves. */
export function decimals(range: Span | null, value: number): number {
  const size = range ? Math.abs(range.high - range.low) : Math.abs(value);
  if (!(size > 0) || !Number.isFinite(size)) return range ? 0 : Number.isInteger(value) ? 0 : 2;
  return Math.min(DECIMALS_MAX, Math.max(0, RANGE_DIGITS - Math.round(Math.log10(size))));
}

export function formatNumber(value: number, range: Span | null = null, whole = false): string {
  if (!Number.isFinite(value)) return NO_VALUE;
  if (whole || (range === null && Number.isInteger(value))) return String(value);
  const text = value.toFixed(decimals(range, value));
  return Number(text) === 0 ? text.replace('-', '') : text;
}

/** A count, its thousands apart: 86,400. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** A limit as it was written: 25, not 25.0. */
export function formatLimit(value: number): string {
  return String(Number(value.toPrecision(6)));
}

export function formatValue(
  value: Value,
  options: { range?: Span | null; whole?: boolean; yes: string; no: string },
): string {
  if (value === null) return NO_VALUE;
  if (typeof value === 'boolean') return value ? options.yes : options.no;
  if (typeof value === 'string') return value;
  return formatNumber(value, options.range ?? null, options.whole ?? false);
}

const UNITS: Readonly<Record<string, string>> = {
  '1': '',
  m3: 'm³',
  'm3/h': 'm³/h',
  'm3/min': 'm³/min',
  'm3/s': 'm³/s',
  'mg/m3': 'mg/m³',
  'g/m3': 'g/m³',
  'µg/m3': 'µg/m³',
  '%CH4': '%CH₄',
};

export function formatUnit(unit: string | null): string {
  return unit === null ? '' : (UNITS[unit] ?? unit);
}

const SIGNS: Readonly<Record<Op, string>> = { above: '≥', over: '>', below: '≤', under: '<' };

export function opSign(op: Op | null): string {
  return op === null ? '' : (SIGNS[op] ?? '');
}

const SPAN_WORDS = {
  zh: { d: '天', h: '时', m: '分', s: '秒' },
  en: { d: 'd', h: 'h', m: 'm', s: 's' },
} as const;

/** A span in its two largest parts: 12秒, 3分05秒, 1时02分, 2天3时. */
export function formatAge(ms: number, lang: Lang): string {
  const w = SPAN_WORDS[lang];
  const span = Math.max(0, ms);
  const two = (n: number) => String(n).padStart(2, '0');
  if (span < MINUTE) return `${Math.floor(span / SECOND)}${w.s}`;
  if (span < HOUR) {
    return `${Math.floor(span / MINUTE)}${w.m}${two(Math.floor((span % MINUTE) / SECOND))}${w.s}`;
  }
  if (span < DAY) {
    return `${Math.floor(span / HOUR)}${w.h}${two(Math.floor((span % HOUR) / MINUTE))}${w.m}`;
  }
  return `${Math.floor(span / DAY)}${w.d}${Math.floor((span % DAY) / HOUR)}${w.h}`;
}

const WHOLE_WORDS = {
  zh: { d: ' 天', h: ' 小时', m: ' 分钟', s: ' 秒' },
  en: { d: ' d', h: ' h', m: ' min', s: ' s' },
} as const;

/** A span that people choose, in its largest whole part: 15 分钟, 8 小时, 30 天. */
export function formatSpan(ms: number, lang: Lang): string {
  const parts = [
    ['d', DAY],
    ['h', HOUR],
    ['m', MINUTE],
  ] as const;
  const [word, size] = parts.find(([, part]) => ms >= part && ms % part === 0) ?? ['s', SECOND];
  return `${Math.round(ms / size)}${WHOLE_WORDS[lang][word]}`;
}

/** A lag or skew, with its sign kept: 85 ms, 2.4 s, -3分05秒. */
export function formatLag(ms: number | null, lang: Lang): string {
  if (ms === null || !Number.isFinite(ms)) return NO_VALUE;
  const size = Math.abs(ms);
  const sign = ms < 0 ? '-' : '';
  if (size < SECOND) return `${sign}${Math.round(size)} ms`;
  if (size < MINUTE) return `${sign}${(size / SECOND).toFixed(1)} s`;
  return sign + formatAge(size, lang);
}

const pad = (n: number) => String(n).padStart(2, '0');

export function formatClock(time: number): string {
  const d = new Date(time);
  return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
}

export function formatDate(time: number): string {
  const d = new Date(time);
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
}

/** A span from minute to minute, with month and day where they are not today's. */
export function formatWindow(from: number, until: number, now: number): string {
  const clock = (time: number) => formatClock(time).slice(0, 5);
  const day = (time: number, beside: number) =>
    formatDate(time) === formatDate(beside) ? '' : `${formatDate(time).slice(5)} `;
  return `${day(from, now)}${clock(from)} – ${day(until, from)}${clock(until)}`;
}

/** The time of day, with the date in front when it is not today's. */
export function formatTime(time: number, now: number): string {
  const clock = formatClock(time);
  return formatDate(time) === formatDate(now) ? clock : `${formatDate(time)} ${clock}`;
}
