import { describe, expect, test } from 'vitest';
import { deedOf, leftMs, nameOf, needsComment, possible, spans, stepsOf, together, type Filled } from './acts';
import { alarm, openCase, PERMIT, SHELF } from './fixture';
import type { Alarm, AlarmState } from './types';

const HOUR = 3_600_000;

describe('what can be done', () => {
  const cases: [AlarmState, Partial<Alarm>, string[]][] = [
    ['unacknowledged', {}, ['acknowledge', 'shelve', 'ask_out']],
    ['acknowledged', {}, ['shelve', 'ask_out']],
    ['acknowledged', { shelve_max_ms: 0 }, ['ask_out']],
    ['returned_unacknowledged', {}, ['acknowledge', 'shelve', 'ask_out']],
    ['latched_unacknowledged', { latch: true }, ['acknowledge', 'shelve', 'ask_out']],
    ['latched_acknowledged', { latch: true }, ['reset', 'shelve', 'ask_out']],
    ['shelved', { shelf: SHELF }, ['unshelve', 'ask_out']],
    ['suppressed', { suppressed_by: 'p' }, ['shelve', 'ask_out']],
    ['acknowledged', { permit: PERMIT }, ['shelve', 'agree_out', 'put_back']],
    ['out_of_service', { permit: { ...PERMIT, agreed_by: 'c' } }, ['put_back']],
    ['normal', {}, []],
  ];
  test.each(cases)('%s %o', (state, more, acts) => {
    expect(possible(alarm({ state, ...more }))).toEqual(acts);
  });

  test('a case is gone through step by step', () => {
    const acts = (more: Parameters<typeof openCase>[0], state: AlarmState = 'normal') =>
      possible(alarm({ state, case: openCase(more), permit: null })).filter((it) =>
        ['state', 'verify', 'close'].includes(it),
      );
    expect(acts({})).toEqual(['state']);
    expect(acts({ cause: 'true' })).toEqual(['verify']);
    expect(acts({ cause: 'true', verified_by: 'c', answered: true })).toEqual(['close']);
    const answered = { cause: 'true', verified_by: 'c', answered: true } as const;
    expect(acts(answered, 'acknowledged')).toEqual([]);
    expect(acts({ cause: 'true', asks: ['cause', 'close'] })).toEqual([]);
  });

  test('what was only asked for is withdrawn, not put back', () => {
    const out = alarm({ permit: { ...PERMIT, agreed_by: 'c' } });
    expect(nameOf('put_back', alarm({ permit: PERMIT }))).toBe('withdraw');
    expect([nameOf('put_back', out), nameOf('put_back', null)]).toEqual(['put_back', 'put_back']);
  });

  test('only blue and yellow ones are acknowledged together', () => {
    const rows = (['blue', 'yellow', 'orange', 'red'] as const).map((severity) => alarm({ severity }));
    expect(together(rows).map((it) => it.severity)).toEqual(['blue', 'yellow']);
    expect(together([alarm({ case: openCase({ grade: 'orange' }) })])).toEqual([]);
    expect(together([alarm({ state: 'acknowledged' }), alarm({ state: 'shelved' })])).toEqual([]);
    expect(together(Array.from({ length: 300 }, () => alarm()))).toHaveLength(200);
  });
});

describe('a case', () => {
  test('says what is done, what is due and what is to come', () => {
    const open = openCase({ acknowledged: true, step: 'cause' });
    expect(stepsOf(open).map(({ is }) => is)).toEqual(['done', 'now', 'later', 'later']);
    const blue = openCase({ asks: ['acknowledge', 'cause'] });
    expect(stepsOf(blue).map(({ step }) => step)).toEqual(['acknowledge', 'cause']);
  });

  test('knows the time left, and that it ran out', () => {
    expect(leftMs(openCase(), 20_000)).toBe(40_000);
    expect(leftMs(openCase({ due: null }), 0)).toBeNull();
    expect(leftMs(openCase({ overdue: 'acknowledge', due: 120_000 }), 61_000)).toBeLessThan(0);
    expect(leftMs(openCase({ overdue: 'acknowledge', due: null }), 0)).toBeLessThan(0);
    expect(leftMs(openCase({ step: 'cause', overdue: 'acknowledge' }), 0)).toBe(60_000);
  });
});

describe('a form', () => {
  const filled: Filled = {
    act: 'shelve', span: HOUR, oneShot: true, permit: ' P-7 ', cause: '', accepted: true,
  };

  test('offers the times that the rule allows', () => {
    expect(spans('shelve', alarm())).toHaveLength(4);
    expect(spans('shelve', alarm({ shelve_max_ms: HOUR }))).toEqual([HOUR / 4, HOUR]);
    expect(spans('shelve', alarm({ shelve_max_ms: 1000 }))).toEqual([1000]);
    expect(spans('ask_out', alarm()).at(-1)).toBe(30 * 24 * HOUR);
    expect(spans('reset', alarm())).toEqual([]);
  });

  test('becomes the deed that the server takes', () => {
    const rows = [alarm()];
    const name = 'gas/L1@e/g/k';
    expect(deedOf(filled, rows, 5)).toEqual({ deed: 'shelve', alarm: name, until: HOUR + 5, one_shot: true });
    expect(deedOf({ ...filled, act: 'ask_out' }, rows, 5)).toEqual({
      deed: 'ask_out', alarm: name, permit: 'P-7', until: HOUR + 5,
    });
    expect(deedOf({ ...filled, act: 'reset' }, rows, 5)).toEqual({ deed: 'reset', occurrence: '1.0' });
    expect(deedOf({ ...filled, act: 'put_back' }, rows, 5)).toEqual({ deed: 'put_back', alarm: name });
    expect(deedOf({ ...filled, act: 'acknowledge_all' }, rows, 5)).toEqual({
      deed: 'acknowledge_all', occurrences: ['1.0'],
    });
    expect(deedOf({ ...filled, act: 'state' }, rows, 5), 'no cause chosen').toBeNull();
    expect(deedOf({ ...filled, act: 'state', cause: 'false' }, rows, 5)).toEqual({
      deed: 'state', occurrence: '1.0', cause: 'false',
    });
    expect(deedOf({ ...filled, act: 'verify' }, rows, 5)).toEqual({
      deed: 'verify', occurrence: '1.0', accepted: true,
    });
    expect(deedOf(filled, [], 5)).toBeNull();
  });

  test('asks for a reason where the server does', () => {
    for (const act of ['shelve', 'ask_out', 'put_back', 'state'] as const) {
      expect(needsComment(act), act).toBe(true);
    }
    expect([needsComment('verify', true), needsComment('verify', false)]).toEqual([false, true]);
    for (const act of ['acknowledge', 'reset', 'unshelve', 'close'] as const) {
      expect(needsComment(act), act).toBe(false);
    }
  });
});
