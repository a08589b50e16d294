import { describe, expect, test } from 'vitest';
import {
  AlarmBook,
  compareEvents,
  compareUrgency,
  ENDED_MAX,
  keyOf,
  listed,
  LISTS,
  mostUrgent,
  needsAck,
  OPEN_MAX,
} from './alarms';
import { alarm, openCase, PERMIT, SHELF } from './fixture';
import { ordinal, type Alarm, type Severity } from './types';

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
    expect(book.open()[0]?.state).toBe('acknowledged');
  });

  test('an end moves the alarm to the ended ones, for good', () => {
    const book = new AlarmBook();
    book.merge(alarm({ event: '1.0' }));
    book.merge(alarm({ event: '4.0', state: 'normal' }));
    expect(book.merge(alarm({ event: '2.0' }))).toBe(false);
    expect(book.open()).toEqual([]);
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
    expect(book.open().map((a) => a.occurrence)).toEqual(['3.0', '2.0']);
  });

  test('cannot bring back what ended while they were on their way', () => {
    const book = new AlarmBook();
    const mark = book.mark();
    book.merge(at(1));
    book.merge(at(1, { event: '9.0', state: 'normal' }));
    for (let n = 100; n < 100 + 2 * ENDED_MAX; n += 1) book.merge(at(n, { state: 'normal' }));
    book.reconcile([at(1)], mark, true);
    expect(book.open()).toEqual([]);
  });

  test('that are cut remove nothing and say so', () => {
    const book = new AlarmBook();
    book.merge(at(1));
    book.reconcile([at(2)], book.mark(), false);
    expect(book.open()).toHaveLength(2);
    expect(book.cut).toBe(true);
    book.reconcile([at(2)], book.mark(), true);
    expect(book.cut).toBe(false);
  });
});

describe('lists', () => {
  const names = (row: Alarm) => LISTS.filter((list) => listed([row])[list].length > 0);

  test('what is covered calls for nobody', () => {
    const book = new AlarmBook();
    book.merge(at(1, { severity: 'red', state: 'shelved', shelf: SHELF, point: 'p' }));
    expect(book.counts().red).toEqual({ all: 0, unacked: 0 });
    expect(book.worstByPoint().size).toBe(0);
    expect(needsAck('shelved')).toBe(false);
    expect(names(book.open()[0] as Alarm)).toEqual(['shelved']);
  });

  test('each state has its place', () => {
    expect(names(at(1))).toEqual(['active']);
    expect(names(at(1, { state: 'latched_acknowledged' }))).toEqual(['active']);
    const suppressed_by = 'e/g/stop';
    expect(names(at(1, { state: 'suppressed', suppressed_by }))).toEqual(['suppressed']);
    const out = at(1, { state: 'out_of_service', permit: { ...PERMIT, agreed_by: 'c' } });
    expect(names(out)).toEqual(['out_of_service']);
    // In service still, and the second person finds it.
    expect(names(at(1, { permit: PERMIT }))).toEqual(['active', 'out_of_service']);
    expect(names(at(1, { case: openCase() }))).toEqual(['active']);
    expect(names(at(1, { state: 'normal', case: openCase() }))).toEqual(['closing']);
  });

  test('a normal alarm with an open case is not over', () => {
    const book = new AlarmBook();
    book.merge(at(1, { state: 'normal', case: openCase() }));
    expect([book.open().length, book.ended().length]).toEqual([1, 0]);
    book.merge(at(1, { state: 'normal', event: '9.0' }));
    expect([book.open().length, book.ended().length]).toEqual([0, 1]);
  });
});

describe('bounds', () => {
  test('ended alarms: the oldest are forgotten', () => {
    const book = new AlarmBook();
    for (let n = 1; n <= ENDED_MAX + 50; n += 1) book.merge(at(n, { state: 'normal' }));
    expect(book.ended()).toHaveLength(ENDED_MAX);
    expect(book.ended()[0]?.occurrence).toBe(`${ENDED_MAX + 50}.0`);
  });

  // peers 58
  test('active alarms: the least urgent are left out, the worst stay', () => {
    const book = new AlarmBook();
    book.merge(at(1, { severity: 'red' }));
    for (let n = 2; n < OPEN_MAX + 600; n += 1) book.merge(at(n, { severity: 'blue' }));
    expect(book.open().length).toBeLessThanOrEqual(OPEN_MAX + 500);
    expect(book.open()[0]?.severity).toBe('red');
    expect(book.cut).toBe(true);
  });
});

describe('urgency', () => {
  const sorted = (...rows: Alarm[]) => rows.sort(compareUrgency).map(keyOf);

  test('what holds first, then severity, the unacknowledged within it, then the newest', () => {
    const rows = [
      at(9, { severity: 'red' }),
      at(99, { severity: 'red', state: 'acknowledged' }),
      at(5, { severity: 'orange' }),
      at(7),
      at(6),
      at(98, { severity: 'blue', state: 'acknowledged' }),
      at(2, { severity: 'red', state: 'returned_unacknowledged' }),
      at(1, { severity: 'red', state: 'latched_unacknowledged' }),
      at(97, { severity: 'red', state: 'latched_acknowledged' }),
      at(96, { severity: 'yellow', state: 'returned_unacknowledged' }),
      at(95, { severity: 'red', state: 'shelved' }),
    ];
    expect(sorted(...rows.toReversed())).toEqual(rows.map(keyOf));
  });

  test('a red one in hand that still holds stands above yellow ones that returned unseen', () => {
    const book = new AlarmBook();
    book.merge(at(1, { severity: 'red', state: 'acknowledged' }));
    for (let n = 2; n < 6; n += 1) book.merge(at(n, { state: 'returned_unacknowledged' }));
    expect(book.open()[0]?.occurrence).toBe('1.0');
    expect(listed(book.open()).active[0]?.occurrence).toBe('1.0');
  });

  test('of those that wait the worst is the most urgent, wherever it stands', () => {
    const gone = at(1, { severity: 'red', state: 'returned_unacknowledged' });
    const seen = at(2, { severity: 'red', state: 'acknowledged' });
    expect(mostUrgent([seen, at(3), gone])).toBe(gone);
    expect(mostUrgent([seen])).toBeNull();
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
    const returned = { state: 'returned_unacknowledged', active: false } as const;
    book.merge({ ...silent, ...returned, event: '5.0' });
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
