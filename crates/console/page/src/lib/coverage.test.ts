import { expect, test } from 'vitest';
import { missing, notLive, percent, worstFirst } from './coverage';

const counts = (required: number, connected: number, live: number) => ({ required, connected, live });

test('what is missing and what is not live are two things', () => {
  expect([missing(counts(10, 7, 4)), notLive(counts(10, 7, 4))]).toEqual([3, 3]);
  expect([missing(counts(10, 10, 10)), notLive(counts(10, 10, 10))]).toEqual([0, 0]);
});

test('a share is 100 only when all is there, and 0 only when nothing is', () => {
  expect([percent(999, 1000), percent(1000, 1000)]).toEqual([99, 100]);
  expect([percent(1, 1000), percent(0, 1000)]).toEqual([1, 0]);
  expect(percent(0, 0)).toBeNull();
});

test('the row that lacks most comes first', () => {
  const row = (key: string, required: number, live: number) => ({ key, counts: counts(required, live, live) });
  const rows = [row('whole', 9, 9), row('b', 9, 5), row('a', 9, 5), row('worst', 20, 2)];
  expect(worstFirst(rows).map((it) => it.key)).toEqual(['worst', 'a', 'b', 'whole']);
});
