/** Lines and devices: what a gateway says of what it reads. Their points are no measurements. */

import type { Current, Point } from './types';

const SOURCE = 'fenghuo.source';
const LINE = 'fenghuo.line';
const DEVICE = 'fenghuo.device';

export interface Source {
  kind: 'line' | 'device';
  name: string;
  /** Answers, does not, or nobody can know. */
  is: 'up' | 'down' | 'unknown';
}

/** Whether a point tells of a line or device instead of a measured value. */
export function isSource(point: Point): boolean {
  return SOURCE in point.labels;
}

/** What one says, by its newest reading that may still be shown. */
export function sourceOf(point: Point, current: Current | undefined): Source {
  const kind = point.labels[SOURCE] === 'line' ? 'line' : 'device';
  const name = point.labels[kind === 'line' ? LINE : DEVICE] ?? point.key;
  const value = current?.quality === 'bad' ? null : (current?.value ?? null);
  return { kind, name, is: value === true ? 'up' : value === false ? 'down' : 'unknown' };
}

/** Those that do not answer first, then the unknown ones, each by name. */
export function worstFirst(sources: readonly Source[]): Source[] {
  const rank = { down: 0, unknown: 1, up: 2 };
  return sources.toSorted((a, b) => rank[a.is] - rank[b.is] || a.name.localeCompare(b.name));
}
