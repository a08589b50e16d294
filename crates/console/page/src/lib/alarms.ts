/**
 * The alarms that the page knows: snapshots and stream events merged by their place in the log.
 *
 * Invariants: an older event never overwrites a newer one; one occurrence is either open or
 * ended; both lists are bounded, and `cut` says when an open alarm had to be left out.
 */

import { ordinal, SEVERITIES, type Alarm, type AlarmState, type Severity } from './types';

/** Most open alarms kept; past it the least urgent are left out and `cut` is set. */
export const OPEN_MAX = 5000;
/** How far the active list may run over before it is cut, so that cutting is rare. */
const OPEN_SLACK = 500;
/** Most ended alarms kept. */
export const ENDED_MAX = 200;

/**
 * Ended occurrences whose last event is remembered after they left the list, so that a snapshot
 * that was on its way during a storm cannot bring them back.
 */
const GONE_MAX = 20_000;

export interface Count {
  all: number;
  unacked: number;
}
export type Counts = Record<Severity, Count>;

type Stamp = Pick<Alarm, 'event' | 'changed_at'>;

interface Entry {
  alarm: Alarm;
  touch: number;
}

/** One occurrence of one alarm. */
export function keyOf(alarm: Pick<Alarm, 'alarm' | 'occurrence'>): string {
  return `${alarm.alarm}#${alarm.occurrence}`;
}

/** Orders event ids "pos.ord". Positions may pass 2^53, so digits are compared, not numbers. */
export function compareEvents(a: string, b: string): number {
  const [aPos = '', aOrd = ''] = a.split('.');
  const [bPos = '', bOrd = ''] = b.split('.');
  return compareDigits(aPos, bPos) || compareDigits(aOrd, bOrd);
}

function compareDigits(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

function isOlder(a: Stamp, b: Stamp): boolean {
  if (a.event !== null && b.event !== null) return compareEvents(a.event, b.event) < 0;
  return a.changed_at < b.changed_at;
}

const UNSEEN: ReadonlySet<AlarmState> = new Set<AlarmState>([
  'unacknowledged',
  'returned_unacknowledged',
  'latched_unacknowledged',
]);

/** Still waiting for a person to see it; what is covered waits for nobody. */
export function needsAck(state: AlarmState): boolean {
  return UNSEEN.has(state);
}

const COVERS: ReadonlySet<AlarmState> = new Set<AlarmState>([
  'shelved',
  'suppressed',
  'out_of_service',
]);

/** Shelved, suppressed or out of service: it calls for nobody. */
export function isCovered(alarm: Pick<Alarm, 'state'>): boolean {
  return COVERS.has(alarm.state);
}

/** The lists that a person looks through; an alarm that is not over is in one or more. */
export const LISTS = ['active', 'shelved', 'suppressed', 'out_of_service', 'closing'] as const;
export type List = (typeof LISTS)[number];

/** Whether an alarm belongs into a list; as the server's filter of the same name. */
export function isIn(alarm: Alarm, list: List): boolean {
  switch (list) {
    case 'active':
      return alarm.life !== 'normal' && !isCovered(alarm);
    case 'shelved':
      return alarm.shelf !== null;
    case 'suppressed':
      return alarm.suppressed_by !== null;
    case 'out_of_service':
      return alarm.permit !== null;
    case 'closing':
      return alarm.case !== null && alarm.state === 'normal';
  }
}

/** Each list of a sorted whole. */
export function listed(alarms: readonly Alarm[]): Record<List, Alarm[]> {
  const lists: Record<List, Alarm[]> = {
    active: [],
    shelved: [],
    suppressed: [],
    out_of_service: [],
    closing: [],
  };
  for (const alarm of alarms) {
    for (const list of LISTS) if (isIn(alarm, list)) lists[list].push(alarm);
  }
  return lists;
}

/** What holds comes before what has returned, and that before what calls for nobody. */
const STATE_RANK: Record<AlarmState, number> = {
  unacknowledged: 0,
  acknowledged: 0,
  returned_unacknowledged: 1,
  latched_unacknowledged: 1,
  latched_acknowledged: 1,
  shelved: 2,
  suppressed: 2,
  out_of_service: 2,
  normal: 2,
};

/** Rules with this ending raise an alarm when a point does not report. */
const SILENT_RULE = '.silent';

/**
 * What must be looked at first comes first, as in the server's lists: a danger that is there
 * before one that was, then severity, unacknowledged ones within it, then the newest. Somebody
 * who has a red alarm in hand must still find it above a yellow one that is gone; what waits
 * unseen further down is told beside the list.
 */
export function compareUrgency(a: Alarm, b: Alarm): number {
  return (
    (STATE_RANK[a.state] ?? 0) - (STATE_RANK[b.state] ?? 0) ||
    ordinal(b.severity) - ordinal(a.severity) ||
    Number(needsAck(b.state)) - Number(needsAck(a.state)) ||
    b.raised_at - a.raised_at ||
    (keyOf(a) < keyOf(b) ? -1 : 1)
  );
}

/** Of those that wait for a person the one to look at first; severity counts before all else. */
export function mostUrgent(alarms: readonly Alarm[]): Alarm | null {
  const waiting = alarms.filter((alarm) => needsAck(alarm.state));
  return waiting.toSorted((a, b) => ordinal(b.severity) - ordinal(a.severity))[0] ?? null;
}

export class AlarmBook {
  readonly #open = new Map<string, Entry>();
  readonly #ended = new Map<string, Alarm>();
  readonly #gone = new Map<string, Stamp>();
  #touch = 0;
  /** Some open alarm is not in the list. */
  cut = false;

  /** Takes one alarm as it is now; false when what is known is newer. */
  merge(alarm: Alarm): boolean {
    const key = keyOf(alarm);
    const known = this.#open.get(key)?.alarm ?? this.#ended.get(key) ?? this.#gone.get(key);
    if (known && isOlder(alarm, known)) return false;
    this.#touch += 1;
    if (alarm.over) {
      this.#open.delete(key);
      this.#end(key, alarm);
    } else {
      this.#ended.delete(key);
      this.#gone.delete(key);
      this.#open.set(key, { alarm, touch: this.#touch });
      if (this.#open.size > OPEN_MAX + OPEN_SLACK) this.#shorten();
    }
    return true;
  }

  /** A mark to take before a snapshot is asked for. */
  mark(): number {
    return this.#touch;
  }

  /**
   * Takes the server's list of open alarms. What it lacks and the stream has not touched since
   * `mark` is over. A list that was cut at the server's limit removes nothing.
   */
  reconcile(snapshot: Alarm[], mark: number, complete: boolean): void {
    const listed = new Set(snapshot.map(keyOf));
    if (complete) {
      for (const [key, entry] of this.#open) {
        if (entry.touch <= mark && !listed.has(key)) this.#open.delete(key);
      }
    }
    this.cut = !complete;
    for (const alarm of snapshot) this.merge(alarm);
  }

  /** Everything that is not over, the most urgent first. */
  open(plant = ''): Alarm[] {
    const rows: Alarm[] = [];
    for (const { alarm } of this.#open.values()) {
      if (plant === '' || alarm.enterprise === plant) rows.push(alarm);
    }
    return rows.sort(compareUrgency);
  }

  /** Ended alarms, the last ended first. */
  ended(plant = ''): Alarm[] {
    return [...this.#ended.values()]
      .filter((alarm) => plant === '' || alarm.enterprise === plant)
      .sort((a, b) => b.changed_at - a.changed_at);
  }

  counts(plant = ''): Counts {
    const counts = noCounts();
    for (const { alarm } of this.#open.values()) {
      if (plant !== '' && alarm.enterprise !== plant) continue;
      if (!isIn(alarm, 'active')) continue;
      const count = counts[alarm.severity] ?? counts.red;
      count.all += 1;
      if (needsAck(alarm.state)) count.unacked += 1;
    }
    return counts;
  }

  /** Alarms of other plants that wait for a person, which a filter would hide. */
  unackedElsewhere(plant: string): number {
    if (plant === '') return 0;
    let count = 0;
    for (const { alarm } of this.#open.values()) {
      if (alarm.enterprise !== plant && needsAck(alarm.state)) count += 1;
    }
    return count;
  }

  /** Points with an active alarm, with the worst severity of each. */
  worstByPoint(): Map<string, Severity> {
    const worst = new Map<string, Severity>();
    for (const { alarm } of this.#open.values()) {
      if (alarm.point === null || !alarm.active || isCovered(alarm)) continue;
      const known = worst.get(alarm.point);
      if (!known || ordinal(alarm.severity) > ordinal(known)) {
        worst.set(alarm.point, alarm.severity);
      }
    }
    return worst;
  }

  /** Points whose silence is in alarm and has not returned: their last value is not fresh. */
  silentPoints(): Set<string> {
    const silent = new Set<string>();
    for (const { alarm } of this.#open.values()) {
      if (alarm.point === null || !alarm.active) continue;
      if (alarm.rule.endsWith(SILENT_RULE)) silent.add(alarm.point);
    }
    return silent;
  }

  /** Every known alarm of a point. */
  ofPoint(point: string): Alarm[] {
    const rows: Alarm[] = [];
    for (const { alarm } of this.#open.values()) if (alarm.point === point) rows.push(alarm);
    for (const alarm of this.#ended.values()) if (alarm.point === point) rows.push(alarm);
    return rows;
  }

  #end(key: string, alarm: Alarm): void {
    this.#ended.delete(key);
    this.#ended.set(key, alarm);
    if (this.#ended.size <= ENDED_MAX) return;
    let oldest: [string, number] | null = null;
    for (const [at, { changed_at }] of this.#ended) {
      if (oldest === null || changed_at < oldest[1]) oldest = [at, changed_at];
    }
    if (oldest) this.#forget(oldest[0]);
  }

  #forget(key: string): void {
    const alarm = this.#ended.get(key);
    if (!alarm) return;
    this.#ended.delete(key);
    this.#gone.set(key, { event: alarm.event, changed_at: alarm.changed_at });
    if (this.#gone.size > GONE_MAX) {
      for (const first of this.#gone.keys()) {
        this.#gone.delete(first);
        break;
      }
    }
  }

  #shorten(): void {
    for (const alarm of this.open().slice(OPEN_MAX)) this.#open.delete(keyOf(alarm));
    this.cut = true;
  }
}

export function noCounts(): Counts {
  const none = SEVERITIES.map((severity) => [severity, { all: 0, unacked: 0 }] as const);
  return Object.fromEntries(none) as Counts;
}
