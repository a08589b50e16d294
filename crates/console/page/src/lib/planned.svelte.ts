/**
 * The windows that the server knows. They change seldom and by people's acts alone: they are
 * asked for at intervals, and at once after an act of this page.
 */

import { api, whyOf } from './api';
import { ofBooking, ofSilence, phaseOf, type PlannedWindow, type WindowDeed } from './windows';
import type { Words } from './types';

const RELOAD_MS = 15_000;

class Planned {
  windows = $state.raw<readonly PlannedWindow[]>([]);
  loaded = $state(false);
  /** Why the list could not be read last time. */
  failed = $state.raw<Words | null>(null);
  #loads = 0;

  /** Keeps the list current; the answer stops it. */
  start(): () => void {
    const load = () => void this.load();
    load();
    const timer = setInterval(load, RELOAD_MS);
    return () => clearInterval(timer);
  }

  async load(): Promise<void> {
    const load = (this.#loads += 1);
    try {
      const [bookings, silences] = await Promise.all([api.bookings(), api.silences()]);
      if (load !== this.#loads) return; // a later loading knows better
      this.windows = [...bookings.map(ofBooking), ...silences.map(ofSilence)];
      this.loaded = true;
      this.failed = null;
    } catch (error) {
      if (load === this.#loads) this.failed = whyOf(error);
    }
  }

  /** Those in force, of both kinds. */
  activeAt(now: number): PlannedWindow[] {
    return this.windows.filter((window) => phaseOf(window, now) === 'active');
  }

  async act(by: string, comment: string, deed: WindowDeed): Promise<void> {
    await api.act({ by, comment, deed });
    await this.load();
  }
}

export const planned = new Planned();
