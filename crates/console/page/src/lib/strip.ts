/** A day's hours as one small picture: its paths, and which hour lies at a place. */

import { HOURS, hourIs, partsOf, type PointDay } from './custody';
import { HOUR_MS } from './day';

/** Width of an hour and of the part of it that is drawn, and the height, in the picture's units. */
const HOUR_W = 12;
const DRAWN_W = 10;
export const STRIP_H = 20;
export const STRIP_W = HOURS * HOUR_W;
/** Nothing was due: a line in the middle. */
const NONE_H = 2;

export interface Strip {
  good: string;
  open: string;
  lost: string;
  none: string;
}

const round = (n: number) => Math.round(n * 100) / 100;

function bar(at: number, from: number, height: number): string {
  return `M${at * HOUR_W + 1} ${round(from)}h${DRAWN_W}v${round(height)}h-${DRAWN_W}z`;
}

/** The paths of each part; of hours to come nothing is drawn. */
export function stripOf({ hours }: Pick<PointDay, 'hours'>, start: number, now: number): Strip {
  const strip = { good: '', open: '', lost: '', none: '' };
  hours.forEach((hour, at) => {
    const is = hourIs(hour, start + at * HOUR_MS, now);
    if (is === 'none') strip.none += bar(at, (STRIP_H - NONE_H) / 2, NONE_H);
    if (hour === null || is === 'none' || is === 'future') return;
    let top = STRIP_H;
    const parts = partsOf(hour);
    for (const part of ['good', 'open', 'lost'] as const) {
      const height = parts[part] * STRIP_H;
      if (height > 0) strip[part] += bar(at, top - height, height);
      top -= height;
    }
  });
  return strip;
}

/** The hour at a share of the width. */
export function hourAt(share: number): number {
  return Math.min(HOURS - 1, Math.max(0, Math.floor(share * HOURS)));
}
