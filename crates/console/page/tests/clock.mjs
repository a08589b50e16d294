// The clock of the made-up world: each test file begins at half past ten in China, whenever it
// runs. A day then has hours behind and before it, and no test meets the end of an hour or a day.

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const AHEAD = 8 * HOUR;
const BEGIN = 10.5 * HOUR;

/** How far the world's clock is from this machine's. */
export const shift = BEGIN - ((Date.now() + AHEAD) % DAY);

/** Shifts the clock of this process, or of a page when it runs there: it needs nothing from here. */
export function shiftClock(by) {
  const Real = Date;
  globalThis.Date = class extends Real {
    constructor(...given) {
      if (given.length > 0) super(...given);
      else super(Real.now() + by);
    }

    static now() {
      return Real.now() + by;
    }
  };
}
