import { describe, expect, test } from 'vitest';
import { PENDING_MAX, SseParser } from './sse';

const TEXT = 'id: 5.0\nevent: alarm\ndata: {"a":1}\n\n: alive\n\nevent: reset\ndata: {}\n\n';
const WANT = [
  { event: 'alarm', data: '{"a":1}' },
  { event: 'reset', data: '{}' },
];

describe('SseParser', () => {
  test('gives the same messages however the bytes are cut', () => {
    for (let size = 1; size <= TEXT.length; size += 1) {
      const parser = new SseParser();
      const got = [];
      for (let at = 0; at < TEXT.length; at += size) got.push(...parser.push(TEXT.slice(at, at + size)));
      expect(got).toEqual(WANT);
    }
  });

  test('reads CRLF, many data lines and fields without a space', () => {
    const parser = new SseParser();
    expect(parser.push('data:one\r\ndata: two\r\n\r\n')).toEqual([
      { event: 'message', data: 'one\ntwo' },
    ]);
  });

  test('an event without data is none', () => {
    expect(new SseParser().push('event: alarm\n\n')).toEqual([]);
  });

  test('refuses an endless line', () => {
    const parser = new SseParser();
    expect(() => parser.push('data: ' + 'x'.repeat(PENDING_MAX))).toThrow('too long');
  });
});
