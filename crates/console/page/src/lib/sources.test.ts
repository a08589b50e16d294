import { expect, test } from 'vitest';
import { isSource, sourceOf, worstFirst } from './sources';
import type { Current, Point } from './types';

function point(labels: Record<string, string>): Point {
  return {
    id: 'e/g/k', enterprise: 'e', gateway: 'g', key: 'k', title: { zh: '点', en: 'point' },
    kind: 'state', unit: '1', value_type: 'bool', range: null, interval_ms: 5000, labels, limits: [],
  };
}
const line = point({ 'fenghuo.source': 'line', 'fenghuo.line': 'plc1' });
const device = point({ 'fenghuo.source': 'device', 'fenghuo.line': 'plc1', 'fenghuo.device': 'plc1/2' });
const reading = (value: boolean | null, quality: Current['quality'] = 'good'): Current => ({
  id: 'e/g/k', time: 1, value, quality, reason: null,
});

test('a measured point behind a line is no source', () => {
  expect(isSource(point({ 'fenghuo.line': 'plc1', 'fenghuo.device': 'plc1/2' }))).toBe(false);
  expect(isSource(line)).toBe(true);
});

test('what nobody can know is unknown, never up', () => {
  expect(sourceOf(line, reading(true))).toEqual({ kind: 'line', name: 'plc1', is: 'up' });
  expect(sourceOf(device, reading(false))).toEqual({ kind: 'device', name: 'plc1/2', is: 'down' });
  expect(sourceOf(line, undefined).is).toBe('unknown');
  expect(sourceOf(line, reading(null)).is).toBe('unknown');
  expect(sourceOf(line, reading(true, 'bad')).is).toBe('unknown');
});

test('those that do not answer come first', () => {
  const all = [sourceOf(line, reading(true)), sourceOf(device, undefined), sourceOf(device, reading(false))];
  expect(worstFirst(all).map(({ is }) => is)).toEqual(['down', 'unknown', 'up']);
});
