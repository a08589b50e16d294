import { describe, expect, test } from 'vitest';
import type { Point } from './types';
import {
  blankWindow, concerns, covered, endDeed, inPhases, missingOf, newDeed, OVER_MAX, phaseOf,
  selectOf, startOf, wasTakenBack, type NewWindow, type PlannedWindow,
} from './windows';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-11-23T08:00:30+08:00');

const at = (name: string, from: number, until: number, more: Partial<PlannedWindow> = {}) =>
  ({ kind: 'booking', name, select: {}, from, until, made: null, ended: null, ...more }) as PlannedWindow;

const point = (id: string, kind = 'level', labels: Record<string, string> = {}) => {
  const [enterprise = '', gateway = '', key = ''] = id.split('/');
  return { id, enterprise, gateway, key, kind, labels } as unknown as Point;
};
const POINTS = [
  point('e/g1/a'), point('e/g1/b', 'temperature', { area: 'W3' }), point('e/g2/a'), point('f/g1/a'),
];

describe('phases', () => {
  test('a window is in force from its begin until just before its end', () => {
    const it = at('w', 10, 20);
    expect([9, 10, 19, 20].map((now) => phaseOf(it, now))).toEqual(['coming', 'active', 'active', 'over']);
  });

  test('what ends next, what begins next, what was over last come first', () => {
    const windows = [
      at('late', 0, 90), at('soon', 50, 60), at('far', 70, 80), at('near', 60, 65),
      at('old', 1, 2), at('new', 1, 50),
    ];
    const phases = inPhases(windows, 50);
    const names = (list: PlannedWindow[]) => list.map((it) => it.name);
    expect(names(phases.active)).toEqual(['soon', 'late']);
    expect(names(phases.coming)).toEqual(['near', 'far']);
    expect(names(phases.over)).toEqual(['new', 'old']);
  });

  test('only the last of those that are over are listed', () => {
    const windows = Array.from({ length: OVER_MAX + 5 }, (_, n) => at(`${n}`, 0, n + 1));
    const { over } = inPhases(windows, 1_000);
    expect([over.length, over[0]?.name]).toEqual([OVER_MAX, `${OVER_MAX + 4}`]);
  });

  test('one that never began was taken back', () => {
    const ended = { by: 'a', comment: '', at: 5 };
    expect(wasTakenBack(at('w', 10, 5, { ended }))).toBe(true);
    expect(wasTakenBack(at('w', 1, 5, { ended }))).toBe(false);
    expect(wasTakenBack(at('w', 10, 5))).toBe(false);
  });

  test('a plant sees its own and those that name none', () => {
    const own = at('w', 0, 1, { select: { enterprise: ['e'] } });
    expect([concerns(own, 'e'), concerns(own, 'f'), concerns(own, ''), concerns(at('w', 0, 1), 'f')]).toEqual(
      [true, false, true, true],
    );
  });
});

describe('what is covered', () => {
  test('follows every label, of points and of catalogs', () => {
    const ids = (select: Record<string, string[]>) => covered(POINTS, select).map((it) => it.id);
    expect(ids({ enterprise: ['e'] })).toEqual(['e/g1/a', 'e/g1/b', 'e/g2/a']);
    expect(ids({ enterprise: ['e'], gateway: ['g1'], key: ['a'] })).toEqual(['e/g1/a']);
    expect(ids({ kind: ['temperature', 'flow'] })).toEqual(['e/g1/b']);
    expect(ids({ area: ['W3'] })).toEqual(['e/g1/b']);
    // A severity is no label of a point: it narrows alarms, not points.
    expect(ids({ key: ['b'], severity: ['red'] })).toEqual(['e/g1/b']);
  });
});

describe('a new window', () => {
  const filled = (more: Partial<NewWindow> = {}): NewWindow => ({
    ...blankWindow('booking', 'e', '李敏'), name: ' 校验 ', comment: '例行', ...more,
  });

  test('says what is missing, one thing at a time', () => {
    const missing = (more: Partial<NewWindow>) => missingOf(filled(more), POINTS, NOW);
    expect(missing({})).toBeNull();
    expect(missing({ name: ' ' })).toBe('need_title');
    expect(missing({ plant: '' })).toBe('need_plant');
    expect(missing({ key: 'none' })).toBe('need_points');
    expect(missing({ atOnce: false })).toBe('need_start');
    expect(missing({ by: '' })).toBe('ack_need_name');
    expect(missing({ comment: '' })).toBe('need_reason');
  });

  test('starts now, or when it was told to, and never in the past', () => {
    expect(startOf(filled(), NOW)).toBe(NOW);
    const start = (ms: number) => {
      const local = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
      return startOf(filled({ atOnce: false, start: local.toISOString().slice(0, 16) }), NOW);
    };
    expect(start(NOW + HOUR)).toBe(NOW + HOUR - 30_000);
    expect(start(NOW), 'this very minute').toBe(NOW);
    expect(start(NOW - 2 * 60_000)).toBeNull();
  });

  test('becomes the deed of its kind', () => {
    const booked = newDeed(filled({ gateway: 'g1', key: 'a', severity: 'red' }), NOW);
    const select = { enterprise: ['e'], gateway: ['g1'], key: ['a'] };
    expect(booked).toEqual({ deed: 'book', booking: '校验', select, from: NOW, until: NOW + 2 * HOUR });
    const silence = filled({ kind: 'silence', severity: 'blue', lasts: HOUR });
    expect(selectOf(silence)).toEqual({ enterprise: ['e'], severity: ['blue'] });
    expect(newDeed(silence, NOW)).toMatchObject({ deed: 'silence', silence: '校验', until: NOW + HOUR });
    expect(newDeed(filled({ atOnce: false }), NOW)).toBeNull();
  });

  test('is ended by its name', () => {
    expect(endDeed(at('w', 0, 1))).toEqual({ deed: 'unbook', booking: 'w' });
    expect(endDeed(at('w', 0, 1, { kind: 'silence' }))).toEqual({ deed: 'unsilence', silence: 'w' });
  });
});
