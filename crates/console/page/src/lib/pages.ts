/** The pages and their addresses. */

export const PAGES = ['watch', 'windows', 'coverage', 'custody'] as const;
export type Page = (typeof PAGES)[number];

/** The page of an address's fragment; the watch when it names none. */
export function pageOf(hash: string): Page {
  return PAGES.find((page) => hash === `#${page}`) ?? 'watch';
}
