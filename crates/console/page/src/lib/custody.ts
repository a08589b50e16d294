/**
 * What became of every read, as the server reckons it, put together for a day of a gateway.
 *
 * What the server promises and this page leans on: in each hour `due` is `good` and all causes
 * together. Nothing is rounded up to whole: 100% means that not one read is missing.
 */

import { DAY_MS, HOUR_MS } from './day';
import type { CustodyAnswer, CustodyCause, CustodyGap, CustodyHour, Words } from './types';

export const HOURS = DAY_MS / HOUR_MS;

/** Counts, in the order in which they are shown. */
export const COUNTS = ['due', 'made', 'good', 'unchanged', 'delivered'] as const;

/** Counts of an hour, a day or a gateway. */
export type Sums = Omit<CustodyHour, 'hour'>;

export interface PointDay {
  key: string;
  title: Words;
  /** By hour of the day; null for one that has not come, or of which nothing was said. */
  hours: readonly (CustodyHour | null)[];
  sums: Sums;
}

/** A day of a gateway. */
export interface Day {
  start: number;
  points: readonly PointDay[];
  gaps: readonly CustodyGap[];
  /** Stretches of stored samples that cannot be read. */
  unreadable: number;
}

/** What may still become good: not here yet, or nobody has told of it yet. */
const OPEN: ReadonlySet<string> = new Set(['under_way', 'no_account']);

export function isOpen(why: string): boolean {
  return OPEN.has(why);
}

/** Reasons after which a gateway may still have the data. */
const MAY_COME: ReadonlySet<string> = new Set([...OPEN, 'refused', 'unknown']);

export function mayCome(why: string): boolean {
  return MAY_COME.has(why);
}

export function noSums(): Sums {
  return { due: 0, made: 0, good: 0, unchanged: 0, delivered: 0, causes: [] };
}

/** Everything together, the causes most first. */
export function sumOf(parts: readonly (Sums | null)[]): Sums {
  const sum = noSums();
  const causes = new Map<string, number>();
  for (const part of parts) {
    if (part === null) continue;
    sum.due += part.due;
    sum.made += part.made;
    sum.good += part.good;
    sum.unchanged += part.unchanged;
    sum.delivered += part.delivered;
    for (const { why, reads } of part.causes) causes.set(why, (causes.get(why) ?? 0) + reads);
  }
  const listed: CustodyCause[] = [...causes].map(([why, reads]) => ({ why, reads }));
  listed.sort((a, b) => b.reads - a.reads || a.why.localeCompare(b.why));
  return { ...sum, causes: listed };
}

/** A share with two decimals, rounded down: 100 only when nothing is missing. */
export function completeness({ good, due }: Pick<Sums, 'good' | 'due'>): string | null {
  if (due <= 0) return null;
  if (good >= due) return '100%';
  const share = Math.floor((good / due) * 10_000) / 100;
  return `${(good > 0 ? Math.max(0.01, share) : 0).toFixed(2)}%`;
}

/** What an hour looks like: parts of one, from the bottom up. */
export interface Parts {
  good: number;
  open: number;
  lost: number;
}

/** A part that exists is seen, however small it is. */
const SEEN_LEAST = 0.14;

/** The parts of an hour in which something was due. */
export function partsOf({ due, good, causes }: Sums): Parts {
  const of = (open: boolean) =>
    causes.reduce((sum, it) => sum + (isOpen(it.why) === open ? it.reads : 0), 0);
  const shares = [Math.min(good, due), of(true), of(false)].map((reads) =>
    reads > 0 ? Math.max(SEEN_LEAST, reads / due) : 0,
  );
  const whole = shares.reduce((sum, it) => sum + it, 0);
  // What small parts were given is taken from the large ones.
  const spare = shares.reduce((sum, it) => sum + Math.max(0, it - SEEN_LEAST), 0);
  const over = whole > 1 && spare > 0 ? (whole - 1) / spare : 0;
  const [goodPart = 0, open = 0, lost = 0] = shares.map((it) =>
    it - Math.max(0, it - SEEN_LEAST) * over,
  );
  return { good: goodPart, open, lost };
}

export type HourIs = 'none' | 'future' | 'whole' | 'open' | 'lost';

/** The state of an hour: the worst that is in it. */
export function hourIs(hour: CustodyHour | null, start: number, now: number): HourIs {
  if (hour === null) return start > now ? 'future' : 'none';
  if (hour.due <= 0) return 'none';
  if (hour.good >= hour.due) return 'whole';
  return hour.causes.every(({ why }) => isOpen(why)) ? 'open' : 'lost';
}

/** The hour of a point that lacks most; the first one in which something was due if none does. */
export function worstHour(hours: PointDay['hours']): number {
  let worst = -1;
  const lacks = (at: number) => (hours[at]?.due ?? 0) - (hours[at]?.good ?? 0);
  hours.forEach((hour, at) => {
    if (hour === null || hour.due <= 0) return;
    if (worst < 0 || lacks(at) > lacks(worst)) worst = at;
  });
  return Math.max(0, worst);
}

function inSlots(hours: readonly CustodyHour[], start: number): (CustodyHour | null)[] {
  const slots: (CustodyHour | null)[] = Array.from({ length: HOURS }, () => null);
  for (const hour of hours) {
    const at = Math.floor((hour.hour - start) / HOUR_MS);
    if (at >= 0 && at < HOURS) slots[at] = hour;
  }
  return slots;
}

/** A day, from the answers that hold all its points. */
export function dayOf(start: number, answers: readonly CustodyAnswer[]): Day {
  const points = answers.flatMap(({ points }) =>
    points.map(({ key, title, hours }) => {
      const slots = inSlots(hours, start);
      return { key, title, hours: slots, sums: sumOf(slots) };
    }),
  );
  return {
    start,
    points,
    gaps: answers[0]?.gaps ?? [],
    unreadable: answers.reduce((sum, { unreadable }) => sum + unreadable, 0),
  };
}

/** A day with its hours from `from` on replaced by newer ones; null when points are new. */
export function renewed(day: Day, from: number, newer: Day): Day | null {
  const known = new Map(newer.points.map((point) => [point.key, point]));
  const first = Math.round((from - day.start) / HOUR_MS);
  const points = day.points.map((point) => {
    const fresh = known.get(point.key);
    known.delete(point.key);
    if (!fresh) return point;
    const hours = point.hours.map((hour, at) => (at < first ? hour : (fresh.hours[at] ?? null)));
    return { ...point, title: fresh.title, hours, sums: sumOf(hours) };
  });
  if (known.size > 0) return null;
  const gaps = [...day.gaps.filter(({ until }) => until < from), ...newer.gaps];
  return { ...day, points, gaps, unreadable: Math.max(day.unreadable, newer.unreadable) };
}

/** From when on a day of which all is known may still change: what is under way may arrive. */
export function changesFrom({ start, points }: Day, now: number): number {
  const current = Math.floor(now / HOUR_MS) * HOUR_MS;
  let from = current - HOUR_MS;
  for (const { hours } of points) {
    const late = hours.find((hour) => hour?.causes.some(({ why }) => why === 'under_way'));
    if (late && late.hour < from) from = late.hour;
  }
  return Math.max(start, from);
}

/** What needs work first: the least complete, then what lacks most; what is not due at last. */
export function worstFirst(points: readonly PointDay[]): PointDay[] {
  const share = ({ sums: { good, due } }: PointDay) => (due > 0 ? good / due : 2);
  const lacks = ({ sums: { good, due } }: PointDay) => due - good;
  return points.toSorted(
    (a, b) => share(a) - share(b) || lacks(b) - lacks(a) || (a.key < b.key ? -1 : 1),
  );
}

/** Points whose key or title has what is looked for. */
export function matching(points: readonly PointDay[], search: string): readonly PointDay[] {
  const wanted = search.trim().toLowerCase();
  if (wanted === '') return points;
  return points.filter(({ key, title }) =>
    `${key} ${title.zh} ${title.en}`.toLowerCase().includes(wanted),
  );
}
