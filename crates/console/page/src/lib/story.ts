/** An occurrence's life as people tell it: what was done, by whom, with which words. */

import type { Cause, StoryStep } from './types';

const TOLD = [
  'raise', 'return', 'unwatch', 'dismiss', 'latch', 'realarm', 'acknowledge', 'reset', 'state_cause', 'verify', 'close',
  'overdue',
] as const;
type Told = Exclude<(typeof TOLD)[number], 'verify'> | 'accepted' | 'refused';

export interface StoryLine {
  event: string;
  at: number;
  what: `story_${Told}`;
  by: string;
  cause: Cause | null;
  words: string;
}

/** The steps that people know; covers, holds and corrections are left to the journal. */
export function storyOf(steps: readonly StoryStep[]): StoryLine[] {
  const lines: StoryLine[] = [];
  for (const { event, at, transition, by, comment, cause, accepted } of steps) {
    const known = TOLD.find((name) => name === transition);
    if (known === undefined) continue;
    const name: Told = known === 'verify' ? (accepted ? 'accepted' : 'refused') : known;
    const what = `story_${name}` as const;
    lines.push({ event, at, what, by: by ?? '', cause, words: comment ?? '' });
  }
  return lines;
}
