/** Made-up alarms for tests: what follows from the state is filled in. */

import type { Alarm, Case, Life } from './types';

export function alarm(more: Partial<Alarm> = {}): Alarm {
  const state = more.state ?? 'unacknowledged';
  const covered = state === 'shelved' || state === 'suppressed' || state === 'out_of_service';
  const life: Life = covered ? 'unacknowledged' : state;
  return {
    alarm: 'gas/L1@e/g/k', occurrence: '1.0', rule: 'gas', rule_version: 1, level: 'L1',
    title: { zh: '气', en: 'gas' }, severity: 'yellow', state, life,
    active: life === 'unacknowledged' || life === 'acknowledged',
    over: life === 'normal' && !more.case && !more.permit,
    enterprise: 'e', gateway: 'g', point: 'e/g/k', group: null, point_title: null, unit: null,
    seen: null, value: 1, limit: 1, op: 'above', raised_at: 1, raises: 1, changed_at: 1,
    returned_at: null, acked_at: null, acked_by: null, comment: null, retrospective: false,
    held: null, unwatched: null, latch: false, shelve_max_ms: 8 * 3_600_000, shelf: null, suppressed_by: null,
    permit: null, case: null, first_out: null, planned: null, repeated: false, source: null,
    event: '1.0',
    ...more,
  };
}

/** A case of which nothing is done yet. */
export function openCase(more: Partial<Case> = {}): Case {
  return {
    grade: 'orange', opened: 0, step: 'acknowledge', due: 60_000, overdue: null, tier: 0,
    asks: ['acknowledge', 'cause', 'verify', 'close'], acknowledged: false, answered: false,
    second_person: true, cause: null, cause_by: null, measure: null, verified_by: null,
    ...more,
  };
}

export const SHELF = { by: 'a', comment: 'b', until: 9, one_shot: false };
export const PERMIT = { by: 'a', comment: 'b', permit: 'P', until: 9, agreed_by: null };
