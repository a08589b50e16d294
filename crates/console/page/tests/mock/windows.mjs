// Bookings and silences of the made-up world: enough of the server to see the page follow.

const DEEDS = ['book', 'unbook', 'silence', 'unsilence'];

export class Windows {
  #all = [];

  /** Puts a window into the world; `span` is from and until. */
  put(kind, name, select, [from, until], by, comment, ended = null) {
    const made = { by, comment, at: from - 3_600_000 };
    this.#all = this.#all.filter((it) => it.kind !== kind || it.name !== name);
    this.#all.push({ kind, name, select, from, until, made, ended });
  }

  list(kind) {
    const own = this.#all.filter((it) => it.kind === kind);
    return own.map(({ kind: label, name, ...rest }) => ({ [label]: name, ...rest }));
  }

  takes({ deed }) {
    return DEEDS.includes(deed);
  }

  take({ by, comment, deed }) {
    const kind = deed.deed.endsWith('book') ? 'booking' : 'silence';
    const name = deed[kind];
    if (!deed.deed.startsWith('un')) {
      this.put(kind, name, deed.select, [deed.from, deed.until], by, comment);
      return;
    }
    const at = Date.now();
    this.#all = this.#all.map((it) =>
      it.kind === kind && it.name === name
        ? { ...it, until: Math.min(it.until, at), ended: { by, comment, at } }
        : it,
    );
  }
}
