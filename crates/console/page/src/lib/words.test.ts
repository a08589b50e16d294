import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { HOLDS, LOSSES, REASONS, UNWATCHED, reasonWords, unwatchedWords } from './reasons';
import { fill, words, type Key } from './words';

const keys = Object.keys(words.zh) as Key[];
const holes = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();

describe('the two languages', () => {
  test('have the same keys, none of them empty', () => {
    expect(Object.keys(words.en).sort()).toEqual([...keys].sort());
    for (const key of keys) {
      expect(words.zh[key].trim(), key).not.toBe('');
      expect(words.en[key].trim(), key).not.toBe('');
    }
  });

  test('fill in the same values', () => {
    for (const key of keys) expect(holes(words.en[key]), key).toEqual(holes(words.zh[key]));
  });

  test('are what they say', () => {
    for (const key of keys) expect(words.en[key], key).not.toMatch(/[一-鿿]/);
    // Words without a Chinese character: none.
    expect(keys.filter((key) => !/[一-鿿]/.test(words.zh[key]))).toEqual([]);
  });

  test('have one word for one thing', () => {
    const reasons = [...Object.values(REASONS), ...Object.values(LOSSES)].map(({ zh }) => zh);
    const texts = [...Object.values(words.zh), ...reasons];
    expect(texts.filter((text) => /无声|滞后|报警/.test(text))).toEqual([]);
  });
});

test('fill leaves unknown names visible', () => {
  expect(fill('{a} and {b}', { a: 1 })).toBe('1 and {b}');
});

describe('reasons', () => {
  test('every code of the model has words in both languages', () => {
    const file = fileURLToPath(new URL('../../../../model/src/quality.rs', import.meta.url));
    const codes = [...readFileSync(file, 'utf8').matchAll(/= \d+, "(\w+)";/g)].map((m) => m[1]);
    expect(codes.length).toBeGreaterThan(20);
    expect(Object.keys(REASONS).sort()).toEqual(codes.sort());
    for (const { zh, en } of Object.values(REASONS)) {
      expect(zh).toMatch(/[一-鿿]/);
      expect(en).toMatch(/^[a-z]/i);
    }
  });

  test('every reason to hold an alarm has words too', () => {
    const file = fileURLToPath(new URL('../../../../engine/src/event.rs', import.meta.url));
    const held = /impl Hold \{[\s\S]*?\n\}/.exec(readFileSync(file, 'utf8'))?.[0] ?? '';
    const codes = [...held.matchAll(/=> "(\w+)"/g)].map((m) => m[1]);
    expect(codes.length).toBeGreaterThan(3);
    expect(Object.keys(HOLDS).sort()).toEqual(codes.sort());
    expect(reasonWords('source').zh).toMatch(/不应答/);
  });

  test('every way to be watched no more has words too', () => {
    const file = fileURLToPath(new URL('../../../../engine/src/event.rs', import.meta.url));
    const why = /impl Unwatched \{[\s\S]*?\n\}/.exec(readFileSync(file, 'utf8'))?.[0] ?? '';
    const codes = [...why.matchAll(/=> "(\w+)"/g)].map((m) => m[1]);
    expect(codes.length).toBeGreaterThan(2);
    expect(Object.keys(UNWATCHED).sort()).toEqual(codes.sort());
    expect(unwatchedWords('rule').zh).toMatch(/规则/);
    expect(unwatchedWords('new')).toEqual({ zh: 'new', en: 'new' });
  });

  test('every cause of a missing sample has words too', () => {
    const read = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8');
    const server = read('../../../../server/src/custody/reckon.rs');
    const causes = [...server.matchAll(/^const \w+: &str = "(\w+)";/gm)].map((m) => m[1]);
    expect(causes.length).toBeGreaterThan(5);
    const frame = read('../../../../uplink/src/frame.rs');
    const gaps = /impl GapReason \{[\s\S]*?\n\}/.exec(frame)?.[0] ?? '';
    const told = [...gaps.matchAll(/=> "(\w+)"/g)].map((m) => m[1]);
    expect(told.length).toBeGreaterThan(5);
    expect(Object.keys(LOSSES).sort()).toEqual([...new Set([...causes, ...told])].sort());
    for (const { zh, en } of Object.values(LOSSES)) {
      expect(zh).toMatch(/[一-鿿]/);
      expect(en).not.toMatch(/[一-鿿]/);
    }
    // One code, one meaning.
    const codes = [REASONS, HOLDS, LOSSES].flatMap((all) => Object.keys(all));
    expect(new Set(codes).size).toBe(codes.length);
  });

  test('a code of a newer server is shown as it came', () => {
    expect(reasonWords('new_thing')).toEqual({ zh: 'new_thing', en: 'new_thing' });
  });
});
