/**
 * Days and hours as an inspector in China counts them: UTC+8, without summer time, whatever the
 * clock of the browser is set to. Pure: the time now is always passed in.
 */

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
const AHEAD_MS = 8 * HOUR_MS;

/** When the day begins that an instant is in. */
export function dayStart(time: number): number {
  return Math.floor((time + AHEAD_MS) / DAY_MS) * DAY_MS - AHEAD_MS;
}

/** The clock on the wall, as ISO text without a zone: 2026-11-24T10:02:03.456. */
const wall = (time: number) => new Date(time + AHEAD_MS).toISOString().slice(0, -1);

/** 2026-11-24, as date fields have it. */
export function dayName(time: number): string {
  return wall(time).slice(0, 10);
}

/** The begin of a named day; null when the name is none. */
export function dayNamed(name: string): number | null {
  return /^\d{4}-\d{2}-\d{2}$/.test(name) ? timeNamed(`${name}T00:00`) : null;
}

/** 2026-11-24T10:02, as fields for a time have it. */
export function minuteName(time: number): string {
  return wall(time).slice(0, 16);
}

/** The instant that such a field means; null when it means none. */
export function timeNamed(name: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$/.test(name)) return null;
  const time = Date.parse(`${name}Z`) - AHEAD_MS;
  return Number.isFinite(time) ? time : null;
}

/** 10:02:03. */
export function wallClock(time: number): string {
  return wall(time).slice(11, 19);
}

/** The hour that begins at an instant: 10:00–11:00. */
export function hourName(hour: number): string {
  const at = Math.floor((hour - dayStart(hour)) / HOUR_MS);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${two(at)}:00–${two(at + 1)}:00`;
}

/** A period to the second, with the days in front where they are not the one it is read on. */
export function periodName(from: number, until: number, day: number): string {
  const part = (time: number, beside: number) =>
    (dayName(time) === dayName(beside) ? '' : `${dayName(time).slice(5)} `) + wallClock(time);
  const begin = part(from, day);
  return until === from ? begin : `${begin} – ${part(until, dayName(from) === dayName(day) ? day : from)}`;
}
