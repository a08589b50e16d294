import { expect, test } from 'vitest';
import { HOUR_MS } from './day';
import { hourAt, stripOf } from './strip';
import type { CustodyHour } from './types';

const cell = (due: number, causes: Record<string, number> = {}): CustodyHour => {
  const listed = Object.entries(causes).map(([why, reads]) => ({ why, reads }));
  const lost = listed.reduce((sum, { reads }) => sum + reads, 0);
  return { hour: 0, due, made: due, good: due - lost, unchanged: 0, delivered: due, causes: listed };
};

test('good fills from below, then what is open, then what is lost; hours to come are blank', () => {
  const hours = [cell(100), cell(100, { timeout: 25, under_way: 25 }), cell(0), null, null];
  const strip = stripOf({ hours }, 0, 3.5 * HOUR_MS);
  expect(strip).toEqual({
    good: 'M1 0h10v20h-10zM13 10h10v10h-10z',
    open: 'M13 5h10v5h-10z',
    lost: 'M13 0h10v5h-10z',
    none: 'M25 9h10v2h-10zM37 9h10v2h-10z',
  });
});

test('every place of the strip is an hour', () => {
  expect([-0.1, 0, 0.5, 0.999, 1, 2].map(hourAt)).toEqual([0, 0, 12, 23, 23, 23]);
});
