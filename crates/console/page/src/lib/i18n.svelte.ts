/** The chosen language: Chinese unless the person switched, remembered on this machine. */

import { recall, remember } from './memory';
import type { Words } from './types';
import { fill, words, type Key, type Lang } from './words';

class I18n {
  lang = $state<Lang>(recall('lang') === 'en' ? 'en' : 'zh');

  choose(lang: Lang): void {
    this.lang = lang;
    remember('lang', lang);
  }

  /** A text of the page. */
  t(key: Key, values?: Record<string, string | number>): string {
    return fill(words[this.lang][key], values);
  }

  /** A text that the server gave in both languages; the other one if one is missing. */
  of(text: Words): string {
    return this.lang === 'zh' ? text.zh || text.en : text.en || text.zh;
  }
}

export const i18n = new I18n();
