/** Which page is shown: the fragment of the address, so that back, reload and bookmarks work. */

import { pageOf, type Page } from './pages';

class Route {
  page = $state<Page>(pageOf(location.hash));

  start(): () => void {
    const follow = () => (this.page = pageOf(location.hash));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }
}

export const route = new Route();
