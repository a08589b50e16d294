/**
 * Windows that take people's eyes or ears off something: bookings (planned work) and silences
 * (no notices). One shape for both, so that they are listed, made and ended alike.
 */

import type { Booking, Done, Point, Select, Severity, Silence } from './types';

export const KINDS = ['booking', 'silence'] as const;
export type WindowKind = (typeof KINDS)[number];

export interface PlannedWindow {
  kind: WindowKind;
  name: string;
  select: Select;
  from: number;
  until: number;
  made: Done | null;
  ended: Done | null;
}

export const ofBooking = ({ booking, ...rest }: Booking): PlannedWindow => ({
  kind: 'booking',
  name: booking,
  ...rest,
});
export const ofSilence = ({ silence, ...rest }: Silence): PlannedWindow => ({
  kind: 'silence',
  name: silence,
  ...rest,
});

export const PHASES = ['active', 'coming', 'over'] as const;
export type Phase = (typeof PHASES)[number];

/** Windows that are over and still listed. */
export const OVER_MAX = 20;

export function phaseOf(window: PlannedWindow, now: number): Phase {
  if (window.until <= now) return 'over';
  return window.from <= now ? 'active' : 'coming';
}

/** It was ended before it began. */
export function wasTakenBack(window: PlannedWindow): boolean {
  return window.ended !== null && window.until <= window.from;
}

/** By phase: what ends next, what begins next, what was over last. */
export function inPhases(
  windows: readonly PlannedWindow[],
  now: number,
): Record<Phase, PlannedWindow[]> {
  const of = (phase: Phase) => windows.filter((window) => phaseOf(window, now) === phase);
  return {
    active: of('active').sort((a, b) => a.until - b.until),
    coming: of('coming').sort((a, b) => a.from - b.from),
    over: of('over')
      .sort((a, b) => b.until - a.until)
      .slice(0, OVER_MAX),
  };
}

/** Whether a window concerns a plant: it names it, or does not say which. */
export function concerns(window: PlannedWindow, plant: string): boolean {
  const plants = window.select['enterprise'];
  return plant === '' || plants === undefined || plants.includes(plant);
}

function labelOf(point: Point, label: string): string | undefined {
  switch (label) {
    case 'kind':
      return point.kind;
    case 'key':
      return point.key;
    case 'enterprise':
      return point.enterprise;
    case 'gateway':
      return point.gateway;
    default:
      return point.labels[label];
  }
}

/** Labels of alarms that are no labels of points. */
const OF_ALARMS: ReadonlySet<string> = new Set(['rule', 'level', 'severity']);

/** The points that a selection is about, as the server chooses them. */
export function covered(points: readonly Point[], select: Select): Point[] {
  const labels = Object.entries(select).filter(([label]) => !OF_ALARMS.has(label));
  return points.filter((point) =>
    labels.every(([label, values]) => {
      const found = labelOf(point, label);
      return found !== undefined && values.includes(found);
    }),
  );
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long a window lasts, as offered; the server allows 31 days. */
export const LASTS_MS: readonly number[] = [
  30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, DAY, 3 * DAY, 7 * DAY, 30 * DAY,
];

/** What a person filled in for a new window. */
export interface NewWindow {
  kind: WindowKind;
  name: string;
  plant: string;
  gateway: string;
  key: string;
  severity: Severity | '';
  /** When it starts, as the browser's field for local times has it; empty for now. */
  start: string;
  atOnce: boolean;
  lasts: number;
  by: string;
  comment: string;
}

export function blankWindow(kind: WindowKind, plant: string, by: string): NewWindow {
  return {
    kind, plant, by,
    name: '', gateway: '', key: '', severity: '', start: '', atOnce: true, lasts: 2 * HOUR,
    comment: '',
  };
}

export function selectOf(filled: NewWindow): Select {
  const { plant, gateway, key, severity, kind } = filled;
  const select: Select = { enterprise: [plant] };
  if (gateway !== '') select['gateway'] = [gateway];
  if (key !== '') select['key'] = [key];
  if (kind === 'silence' && severity !== '') select['severity'] = [severity];
  return select;
}

export type Missing =
  | 'need_title' | 'need_plant' | 'need_points' | 'need_start' | 'ack_need_name' | 'need_reason';

/** A start typed to the minute may lie this far back and still means now. */
const TYPED_MS = MINUTE;

/** When it starts; null when what was typed is no time, or a past one. */
export function startOf(filled: NewWindow, now: number): number | null {
  if (filled.atOnce) return now;
  const start = Date.parse(filled.start);
  if (!Number.isFinite(start) || start < now - TYPED_MS) return null;
  return Math.max(start, now);
}

/** The first thing that is missing; null when it can be sent. */
export function missingOf(filled: NewWindow, points: readonly Point[], now: number): Missing | null {
  if (filled.name.trim() === '') return 'need_title';
  if (filled.plant === '') return 'need_plant';
  if (covered(points, selectOf(filled)).length === 0) return 'need_points';
  if (startOf(filled, now) === null) return 'need_start';
  if (filled.by.trim() === '') return 'ack_need_name';
  return filled.comment.trim() === '' ? 'need_reason' : null;
}

/** What the server takes; see its OpenAPI document. */
export type WindowDeed =
  | { deed: 'book'; booking: string; select: Select; from: number; until: number }
  | { deed: 'silence'; silence: string; select: Select; from: number; until: number }
  | { deed: 'unbook'; booking: string }
  | { deed: 'unsilence'; silence: string };

export function newDeed(filled: NewWindow, now: number): WindowDeed | null {
  const start = startOf(filled, now);
  if (start === null) return null;
  const from = Math.round(start);
  const span = { select: selectOf(filled), from, until: from + filled.lasts };
  const name = filled.name.trim();
  return filled.kind === 'booking'
    ? { deed: 'book', booking: name, ...span }
    : { deed: 'silence', silence: name, ...span };
}

export function endDeed({ kind, name }: PlannedWindow): WindowDeed {
  return kind === 'booking'
    ? { deed: 'unbook', booking: name }
    : { deed: 'unsilence', silence: name };
}
