import { describe, expect, test } from 'vitest';
import { ACTIVE_MAX, AlarmBook, compareEvents, compareUrgency, ENDED_MAX, keyOf } from './alarms';
import { ordinal, type Alarm, type Severity } from './types';

function alarm(more: Partial<Alarm> = {}): Alarm {
  return {
    alarm: 'gas/L1@e/g/k', occurrence: '1.0', rule: 'gas', rule_version: 1, level: 'L1',
    title: { zh: '气', en: 'gas' }, severity: 'yellow', state: 'unacknowledged',
    enterprise: 'e', gateway: 'g', point: 'e/g/k', point_title: null, unit: null, value: 1,
    limit: 1, op: 'above', raised_at: 1, changed_at: 1, returned_at: null, acked_at: null,
    acked_by: null, comment: null, retrospective: false, held: null, source: null, event: '1.0',
    ...more,
  };
}

const at = (n: number, more: Partial<Alarm> = {}) =>
  alarm({ occurrence: `${n}.0`, event: `${n}.0`, raised_at: n, changed_at: n, ...more });

describe('events', () => {
  test('are ordered by number, past 2^53 too', () => {
    expect(compareEvents('9.0', '10.0')).toBeLessThan(0);
    expect(compareEvents('10.2', '10.10')).toBeLessThan(0);
    expect(compareEvents('9007199254740993.0', '9007199254740992.0')).toBeGreaterThan(0);
    expect(compareEvents('5.1', '5.1')).toBe(0);
  });

  test('an older one never overwrites a newer one', () => {
    const book = new AlarmBook();
    book.merge(alarm({ event: '5.0', state: 'acknowledged' }));
    expect(book.merge(alarm({ event: '3.0' }))).toBe(false);
    expect(book.active()[0]?.state).toBe('acknowledged');
  });

  test('an end moves the alarm to the ended ones, for good', () => {
    const book = new AlarmBook();
    book.merge(alarm({ event: '1.0' }));
    book.merge(alarm({ event: '4.0', state: 'normal' }));
    expect(book.merge(alarm({ event: '2.0' }))).toBe(false);
    expect(book.active()).toEqual([]);
    expect(book.ended()).toHaveLength(1);
  });
});

describe('snapshots', () => {
  test('remove what is over and keep what the stream brought meanwhile', () => {
    const book = new AlarmBook();
    book.merge(at(1));
    book.merge(at(2));
    const mark = book.mark();
    book.merge(at(3));
    book.reconcile([at(2)], mark, true);
    expect(book.active().map((a) => a.occurrence)).toEqual(['3.0', '2.0']);
  });

  test('cannot bring back what ended while they were on their way', () => {
    const book = new AlarmBook();
    const mark = book.mark();
    book.merge(at(1));
    book.merge(at(1, { event: '9.0', state: 'normal' }));
    for (let n = 100; n < 100 + 2 * ENDED_MAX; n += 1) book.merge(at(n, { state: 'normal' }));
    book.reconcile([at(1)], mark, true);
    expect(book.active()).toEqual([]);
  });

  test('that are cut remove nothing and say so', () => {
    const book = new AlarmBook();
    book.merge(at(1));
    book.reconcile([at(2)], book.mark(), false);
    expect(book.active()).toHaveLength(2);
    expect(book.cut).toBe(true);
    book.reconcile([at(2)], book.mark(), true);
    expect(book.cut).toBe(false);
  });
});

describe('bounds', () => {
  test('ended alarms: the oldest are forgotten', () => {
    const book = new AlarmBook();
    for (let n = 1; n <= ENDED_MAX + 50; n += 1) book.merge(at(n, { state: 'normal' }));
    expect(book.ended()).toHaveLength(ENDED_MAX);
    expect(book.ended()[0]?.occurrence).toBe(`${ENDED_MAX + 50}.0`);
  });

  test('active alarms: the least urgent are left out, the worst stay', () => {
    const book = new AlarmBook();
    book.merge(at(1, { severity: 'red' }));
    for (let n = 2; n < ACTIVE_MAX + 600; n += 1) book.merge(at(n, { severity: 'blue' }));
    expect(book.active().length).toBeLessThanOrEqual(ACTIVE_MAX + 500);
    expect(book.active()[0]?.severity).toBe('red');
    expect(book.cut).toBe(true);
  });
});

describe('urgency', () => {
  const sorted = (...rows: Alarm[]) => rows.sort(compareUrgency).map(keyOf);

  test('unacknowledged first, returned or not, then severity, then the newest', () => {
    const acked = at(1, { severity: 'red', state: 'acknowledged' });
    const returned = at(2, { severity: 'red', state: 'returned_unacknowledged' });
    const [yellow, orange, newer] = [at(3), at(4, { severity: 'orange' }), at(5)];
    expect(sorted(acked, yellow, newer, orange, returned)).toEqual(
      [returned, orange, newer, yellow, acked].map(keyOf),
    );
  });

  test('points in alarm for their silence are known until it returns', () => {
    const book = new AlarmBook();
    const silent = at(1, { rule: 'mqtt.silent', point: 'p' });
    book.merge(silent);
    book.merge(at(2, { rule: 'gas', point: 'q' }));
    book.merge(at(3, { rule: 'fenghuo.gateway-silent', point: null }));
    expect([...book.silentPoints()]).toEqual(['p']);
    book.merge({ ...silent, state: 'acknowledged', event: '4.0' });
    expect(book.silentPoints().has('p')).toBe(true);
    book.merge({ ...silent, state: 'returned_unacknowledged', event: '5.0' });
    expect(book.silentPoints().size).toBe(0);
  });

  test('an unknown severity counts as the worst', () => {
    expect(ordinal('violet' as Severity)).toBeGreaterThanOrEqual(ordinal('red'));
  });

  test('counts and marks follow the plant and the point', () => {
    const book = new AlarmBook();
    book.merge(at(1, { severity: 'red', enterprise: 'a', point: 'p' }));
    book.merge(at(2, { severity: 'blue', enterprise: 'a', point: 'p', state: 'acknowledged' }));
    book.merge(at(3, { severity: 'red', enterprise: 'b', point: null }));
    expect(book.counts('a').red).toEqual({ all: 1, unacked: 1 });
    expect(book.counts().red.all).toBe(2);
    expect([book.unackedElsewhere('a'), book.unackedElsewhere('b'), book.unackedElsewhere('')]).toEqual(
      [1, 1, 0],
    );
    expect(book.counts('a').blue).toEqual({ all: 1, unacked: 0 });
    expect(book.worstByPoint().get('p')).toBe('red');
    expect(book.ofPoint('p')).toHaveLength(2);
  });
});
