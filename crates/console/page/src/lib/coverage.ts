/** How far what must be measured is measured, in the figures that a person acts on. */

import type { CoverageCounts } from './types';

/** Required and not connected. */
export function missing({ required, connected }: CoverageCounts): number {
  return Math.max(0, required - connected);
}

/** Connected and without a usable value now. */
export function notLive({ connected, live }: CoverageCounts): number {
  return Math.max(0, connected - live);
}

/** A share in whole percent: 100 only when nothing is left out, 0 only when nothing is there. */
export function percent(part: number, whole: number): number | null {
  if (whole <= 0) return null;
  const share = Math.round((part / whole) * 100);
  if (part >= whole) return 100;
  return part > 0 ? Math.min(99, Math.max(1, share)) : 0;
}

/** What needs work first: most that is not live, then by name. */
export function worstFirst<T extends { key: string; counts: CoverageCounts }>(rows: readonly T[]): T[] {
  const short = ({ counts }: T) => counts.required - counts.live;
  return rows.toSorted((a, b) => short(b) - short(a) || a.key.localeCompare(b.key));
}
