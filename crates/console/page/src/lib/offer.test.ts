import { describe, expect, test } from 'vitest';
import { blankOffer, missingOf, offerDeed } from './offer';

/** 2026-11-24T00:00 in China. */
const DAY = Date.UTC(2026, 10, 23, 16);
const HOUR = 3_600_000;
const NOW = DAY + 10 * HOUR;
const filled = { ...blankOffer('e/g', DAY, DAY + HOUR, '李敏'), comment: '升级后重收' };

describe('asking for a period again', () => {
  test('sends what was filled in, in milliseconds', () => {
    expect(missingOf(filled, NOW)).toBeNull();
    expect(offerDeed(filled)).toEqual({ deed: 'offer_again', gateway: 'e/g', from: DAY, until: DAY + HOUR });
  });

  test('the form leaves out no part of a gap', () => {
    const form = blankOffer('e/g', DAY + 61_000, DAY + 122_001, '');
    expect([form.from, form.until]).toEqual(['2026-11-24T00:01', '2026-11-24T00:03']);
  });

  test('a period in order, a name and a reason are needed', () => {
    const missing = (more: object) => missingOf({ ...filled, ...more }, NOW);
    expect(missing({ until: filled.from })).toBe('offer_need_period');
    expect(missing({ from: '' })).toBe('offer_need_period');
    expect(missing({ from: '2026-11-24T10:00', until: '2026-11-24T11:00' })).toBe('offer_need_period');
    expect(missing({ by: '  ' })).toBe('ack_need_name');
    expect(missing({ comment: ' ' })).toBe('need_reason');
    expect(offerDeed({ ...filled, until: '' })).toBeNull();
  });
});
