/** What is said of an hour in one line. */

import { hourIs } from './custody';
import { formatCount } from './format';
import { i18n } from './i18n.svelte';
import type { CustodyHour } from './types';

export function toldOf(hour: CustodyHour | null, start: number, now: number): string {
  const is = hourIs(hour, start, now);
  if (hour === null || is === 'none' || is === 'future') {
    return i18n.t(is === 'future' ? 'hour_future' : 'hour_none');
  }
  return i18n.t('of_due', { good: formatCount(hour.good), due: formatCount(hour.due) });
}
