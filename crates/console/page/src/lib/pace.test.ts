import { expect, test } from 'vitest';
import { Pace, type Clockwork } from './pace';

function made() {
  let now = 0;
  const frames: (() => void)[] = [];
  const timers: { at: number; run: () => void }[] = [];
  const clock: Clockwork = {
    frame: (run) => void frames.push(run),
    later: (run, ms) => void timers.push({ at: now + ms, run }),
    now: () => now,
  };
  const pass = (ms: number) => {
    now += ms;
    for (const timer of timers.splice(0)) {
      if (timer.at <= now) timer.run();
      else timers.push(timer);
    }
    for (const frame of frames.splice(0)) frame();
  };
  let drawn = 0;
  return { pace: new Pace(() => (drawn += 1), 100, clock), pass, drawn: () => drawn };
}

test('the first change is drawn in the next frame', () => {
  const { pace, pass, drawn } = made();
  pace.ask();
  expect(drawn()).toBe(0);
  pass(16);
  expect(drawn()).toBe(1);
});

test('many changes are few drawings, and the last change is drawn', () => {
  const { pace, pass, drawn } = made();
  for (let ms = 0; ms < 1000; ms += 10) {
    pace.ask();
    pass(10);
  }
  expect(drawn()).toBeGreaterThanOrEqual(9);
  expect(drawn()).toBeLessThanOrEqual(11);
  const before = drawn();
  pace.ask();
  pass(200);
  expect(drawn()).toBe(before + 1);
});
