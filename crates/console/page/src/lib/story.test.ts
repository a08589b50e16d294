import { describe, expect, test } from 'vitest';
import { pageOf } from './pages';
import { storyOf } from './story';
import type { StoryStep } from './types';

const step = (transition: string, more: Partial<StoryStep> = {}): StoryStep => ({
  event: `${transition}.0`, at: 1, transition, by: null, comment: null, cause: null, accepted: null,
  ...more,
});

describe('a story', () => {
  test('tells cause, measure and verifier, and that the county sent it back', () => {
    const lines = storyOf([
      step('raise'),
      step('state_cause', { by: '李敏', comment: '已关阀', cause: 'false' }),
      step('verify', { by: '周科长', comment: '不符', accepted: false }),
      step('verify', { by: '周科长', accepted: true }),
      step('close', { by: '周科长' }),
    ]);
    expect(lines.map(({ what, by, cause, words }) => [what, by, cause, words])).toEqual([
      ['story_raise', '', null, ''],
      ['story_state_cause', '李敏', 'false', '已关阀'],
      ['story_refused', '周科长', null, '不符'],
      ['story_accepted', '周科长', null, ''],
      ['story_close', '周科长', null, ''],
    ]);
  });

  test('says of what nobody watches any more that it did not return', () => {
    const lines = storyOf([step('raise'), step('unwatch'), step('dismiss')]);
    expect(lines.map((line) => line.what)).toEqual(['story_raise', 'story_unwatch', 'story_dismiss']);
  });

  test('leaves out what only the journal needs, and what a newer server may say', () => {
    expect(storyOf([step('hold'), step('suppress'), step('something_new')])).toEqual([]);
  });
});

test('an address without a page is the watch', () => {
  expect(['#windows', '#coverage', '', '#', '#other'].map(pageOf)).toEqual(
    ['windows', 'coverage', 'watch', 'watch', 'watch'],
  );
});
