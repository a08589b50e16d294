/** What people can do about an alarm, and when: a button stands only where the act can happen. */

import { isCovered, needsAck } from './alarms';
import type { Alarm, Case, Cause, Step } from './types';

/** What the server takes; see its OpenAPI document. */
export type Deed =
  | { deed: 'acknowledge' | 'reset' | 'close'; occurrence: string }
  | { deed: 'acknowledge_all'; occurrences: string[] }
  | { deed: 'shelve'; alarm: string; until: number; one_shot: boolean }
  | { deed: 'unshelve' | 'agree_out' | 'put_back'; alarm: string }
  | { deed: 'ask_out'; alarm: string; permit: string; until: number }
  | { deed: 'state'; occurrence: string; cause: Cause }
  | { deed: 'verify'; occurrence: string; accepted: boolean };

/** Acts on one alarm, in the order in which they are offered. */
export const ACTS = [
  'acknowledge',
  'reset',
  'state',
  'verify',
  'close',
  'shelve',
  'unshelve',
  'ask_out',
  'agree_out',
  'put_back',
] as const;
export type Act = (typeof ACTS)[number];

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long an alarm is shelved, as offered. */
export const SHELVE_MS: readonly number[] = [15 * MINUTE, HOUR, 4 * HOUR, 8 * HOUR];
/** How long a permit runs, as offered; the server allows 30 days. */
export const OUT_MS: readonly number[] = [8 * HOUR, DAY, 3 * DAY, 7 * DAY, 30 * DAY];
export const CAUSES: readonly Cause[] = ['true', 'false', 'planned', 'sensor_fault'];
export const STEPS: readonly Step[] = ['acknowledge', 'cause', 'verify', 'close'];
/** Most alarms that the server acknowledges at once. */
export const ACKNOWLEDGE_MAX = 200;

/** Whether an act can happen to an alarm as it is. */
export function canDo(alarm: Alarm, act: Act): boolean {
  const { life, shelf, permit } = alarm;
  const open = alarm.case;
  switch (act) {
    case 'acknowledge':
      return needsAck(alarm.state);
    case 'reset':
      return life === 'latched_acknowledged' && !isCovered(alarm);
    case 'state':
      return open !== null && open.cause === null && open.asks.includes('cause');
    case 'verify':
      return canVerify(open);
    case 'close':
      return open !== null && open.answered && life === 'normal';
    case 'shelve':
      return alarm.shelve_max_ms > 0 && shelf === null && !isOut(alarm) && life !== 'normal';
    case 'unshelve':
      return shelf !== null;
    case 'ask_out':
      return permit === null && !alarm.over;
    case 'agree_out':
      return isAskedOut(alarm);
    case 'put_back':
      return permit !== null;
  }
}

function canVerify(open: Case | null): boolean {
  if (open === null || open.cause === null) return false;
  return open.verified_by === null && open.asks.includes('verify');
}

/** Somebody asked to take it out of service, and nobody has agreed yet. */
export function isAskedOut(alarm: Alarm): boolean {
  return alarm.permit !== null && alarm.permit.agreed_by === null;
}

/** What an act is called here: what was only asked for is withdrawn, not put back. */
export function nameOf(act: Act | 'acknowledge_all', alarm: Alarm | null): Act | 'acknowledge_all' | 'withdraw' {
  return act === 'put_back' && alarm !== null && isAskedOut(alarm) ? 'withdraw' : act;
}

function isOut(alarm: Alarm): boolean {
  return alarm.permit !== null && alarm.permit.agreed_by !== null;
}

/** Every act that can happen now. */
export function possible(alarm: Alarm): Act[] {
  return alarm.over ? [] : ACTS.filter((act) => canDo(alarm, act));
}

/** Acts whose reason must be given. */
export function needsComment(act: Act | 'acknowledge_all', accepted = true): boolean {
  if (act === 'verify') return !accepted;
  return act === 'shelve' || act === 'ask_out' || act === 'put_back' || act === 'state';
}

/** The choices of time that a rule allows; the longest that it allows when all are longer. */
export function spans(act: Act | 'acknowledge_all', alarm: Alarm | null): readonly number[] {
  if (act === 'ask_out') return OUT_MS;
  if (act !== 'shelve' || alarm === null) return [];
  const most = alarm.shelve_max_ms;
  const allowed = SHELVE_MS.filter((ms) => ms <= most);
  return allowed.length > 0 ? allowed : [most];
}

/** What of a case is done, is to be done now, and is still to come; only what is asked for. */
export function stepsOf(open: Case): { step: Step; is: 'done' | 'now' | 'later' }[] {
  const done: Record<Step, boolean> = {
    acknowledge: open.acknowledged,
    cause: open.cause !== null,
    verify: open.verified_by !== null,
    close: false,
  };
  return STEPS.filter((step) => open.asks.includes(step)).map((step) => ({
    step,
    is: done[step] ? 'done' : step === open.step ? 'now' : 'later',
  }));
}

/** Time left for a case's step, negative when it ran out; null when it has no time. */
export function leftMs(open: Case, now: number): number | null {
  if (open.due !== null && open.overdue !== open.step) return open.due - now;
  // Once overdue, `due` is when the next tier is told.
  return open.overdue === open.step ? -1 : null;
}

/** Blue and yellow ones that wait, which may be acknowledged together. */
export function together(alarms: readonly Alarm[]): Alarm[] {
  const mild = (severity: string) => severity === 'blue' || severity === 'yellow';
  return alarms
    .filter((a) => needsAck(a.state) && mild(a.severity) && (!a.case || mild(a.case.grade)))
    .slice(0, ACKNOWLEDGE_MAX);
}

/** What a person filled in. */
export interface Filled {
  act: Act | 'acknowledge_all';
  span: number;
  oneShot: boolean;
  permit: string;
  cause: Cause | '';
  accepted: boolean;
}

/** The deed to send. */
export function deedOf(filled: Filled, alarms: readonly Alarm[], now: number): Deed | null {
  const [first] = alarms;
  if (!first) return null;
  const { alarm, occurrence } = first;
  const { act } = filled;
  const until = Math.round(now + filled.span);
  switch (act) {
    case 'acknowledge_all':
      return { deed: act, occurrences: alarms.map((it) => it.occurrence) };
    case 'acknowledge':
    case 'reset':
    case 'close':
      return { deed: act, occurrence };
    case 'state':
      return filled.cause === '' ? null : { deed: act, occurrence, cause: filled.cause };
    case 'verify':
      return { deed: act, occurrence, accepted: filled.accepted };
    case 'shelve':
      return { deed: act, alarm, until, one_shot: filled.oneShot };
    case 'ask_out':
      return { deed: act, alarm, permit: filled.permit.trim(), until };
    default:
      return { deed: act, alarm };
  }
}
