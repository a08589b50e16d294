/** Small choices remembered in this browser; a browser that forbids it only forgets them. */

type Name = 'lang' | 'name' | 'plant' | 'span' | 'gateway';

const PREFIX = 'fenghuo.';

export function recall(name: Name): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function remember(name: Name, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Storage may be full or forbidden; the choice then holds until the page is closed.
  }
}
