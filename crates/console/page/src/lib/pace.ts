/**
 * Drawing in step with the screen: many changes, one drawing per animation frame, and under load
 * no more than one per `gap`. The first change after a pause is drawn in the next frame.
 */

export interface Clockwork {
  frame(run: () => void): void;
  later(run: () => void, ms: number): void;
  now(): number;
}

const screen: Clockwork = {
  frame: (run) => void requestAnimationFrame(run),
  later: (run, ms) => void setTimeout(run, ms),
  now: () => performance.now(),
};

export class Pace {
  #asked = false;
  #drawn = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly draw: () => void,
    private readonly gap: number,
    private readonly clock: Clockwork = screen,
  ) {}

  /** Asks for a drawing; asking again before it happens costs nothing. */
  ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    const wait = this.#drawn + this.gap - this.clock.now();
    if (wait <= 0) this.clock.frame(() => this.#run());
    else this.clock.later(() => this.clock.frame(() => this.#run()), wait);
  }

  #run(): void {
    this.#asked = false;
    this.#drawn = this.clock.now();
    this.draw();
  }
}
