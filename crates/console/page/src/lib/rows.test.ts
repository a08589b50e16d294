import { describe, expect, test } from 'vitest';
import { offsetOf, reveal, rowAt, totalHeight, visible, type Shape } from './rows';

const plain: Shape = { count: 2000, rowHeight: 50, open: -1, openExtra: 0 };
const open: Shape = { ...plain, open: 3, openExtra: 100 };

describe('rows', () => {
  test('rowAt and offsetOf agree, with and without an open row', () => {
    for (const shape of [plain, open]) {
      for (let row = 0; row < 20; row += 1) {
        expect(rowAt(shape, offsetOf(shape, row))).toBe(row);
        expect(rowAt(shape, offsetOf(shape, row + 1) - 1)).toBe(row);
      }
    }
    expect(totalHeight(open)).toBe(2000 * 50 + 100);
  });

  // peers 63
  test('few rows are drawn of many', () => {
    const { first, end } = visible(plain, 40_000, 500);
    expect(first).toBeLessThanOrEqual(800);
    expect(end).toBeGreaterThanOrEqual(811);
    expect(end - first).toBeLessThan(25);
    expect(visible({ ...plain, count: 0 }, 0, 500)).toEqual({ first: 0, end: 0 });
    expect(visible({ ...plain, count: 3 }, 9999, 500).end).toBe(3);
  });

  test('reveal moves no more than it must', () => {
    expect(reveal(plain, 2, 0, 500)).toBe(0);
    expect(reveal(plain, 10, 0, 500)).toBe(50);
    expect(reveal(plain, 1, 500, 500)).toBe(50);
    expect(reveal(open, 3, 0, 200)).toBe(100);
  });
});
