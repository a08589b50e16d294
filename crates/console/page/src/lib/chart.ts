/** The drawing of a trend with uPlot: line, band, limits, alarm marks. Knows nothing of loading. */

import uPlot from 'uplot';
import { formatClock, formatLimit, opSign } from './format';
import { heights, type Trend } from './trend';
import { ordinal, type Alarm, type Limit, type Severity } from './types';

export interface Window {
  from: number;
  to: number;
}

export interface Readout {
  time: number;
  low: number | null;
  high: number | null;
  mean: number | null;
}

export interface Labels {
  letter(severity: Severity): string;
  /** The words of a state; null for numbers. */
  states: { yes: string; no: string } | null;
}

const MINUTE = 60_000;
const LINE = '#aebbc6';
const BAND = 'rgba(174, 187, 198, 0.22)';
const GROUND = '#1a1e22';
const GRID = '#262c32';
const SOFT = '#97a2ab';
const COLOURS: Record<Severity, string> = {
  red: '#ff5a57',
  orange: '#ff9440',
  yellow: '#f2cb3d',
  blue: '#5aa7ff',
};
const MARK_PX = 5;

type Column = (number | null)[];

/** A state is 0 or 1: with room above and below, and words instead of numbers. */
const STATE_HEIGHTS: [number, number] = [-0.2, 1.2];

function stateAxis(states: Labels['states']): Partial<uPlot.Axis> {
  if (!states) return {};
  return { splits: () => [0, 1], values: (_plot, splits) => splits.map((at) => (at ? states.yes : states.no)) };
}

export class Chart {
  readonly #plot: uPlot;
  readonly #place: HTMLElement;
  readonly #watch: ResizeObserver;
  #limits: readonly Limit[] = [];
  #alarms: readonly Alarm[] = [];

  constructor(
    place: HTMLElement,
    stepped: boolean,
    onRead: (readout: Readout | null) => void,
    private readonly labels: Labels,
  ) {
    this.#place = place;
    this.#plot = new uPlot(this.#options(stepped, onRead), [[], [], [], []], place);
    this.#watch = new ResizeObserver(() => this.#plot.setSize(this.#size()));
    this.#watch.observe(place);
  }

  show(trend: Trend, window: Window, limits: readonly Limit[], alarms: readonly Alarm[]): void {
    this.#limits = limits;
    this.#alarms = alarms;
    const columns = trend.columns();
    const band: Column = trend.banded ? columns.low : columns.t.map(() => null);
    const high: Column = trend.banded ? columns.high : band;
    const [low, top] = this.labels.states ? STATE_HEIGHTS : heights(columns, limits);
    this.#plot.batch(() => {
      this.#plot.setData([columns.t, band, high, columns.mean], false);
      this.#plot.setScale('x', { min: window.from, max: window.to });
      this.#plot.setScale('y', { min: low, max: top });
    });
    // uPlot draws nothing by itself when only limits or marks changed.
    this.#plot.redraw(false);
    this.#place.dataset.steps = String(columns.t.length);
    this.#place.dataset.limits = String(limits.length);
  }

  clear(): void {
    this.#limits = [];
    this.#alarms = [];
    this.#plot.setData([[], [], [], []]);
  }

  destroy(): void {
    this.#watch.disconnect();
    this.#plot.destroy();
  }

  #size(): { width: number; height: number } {
    return {
      width: Math.max(120, this.#place.clientWidth),
      height: Math.max(80, this.#place.clientHeight),
    };
  }

  #options(stepped: boolean, onRead: (readout: Readout | null) => void): uPlot.Options {
    const axis = { stroke: SOFT, grid: { stroke: GRID, width: 1 }, ticks: { show: false } };
    const none = { show: true, stroke: 'transparent', width: 0, points: { show: false } };
    const paths = stepped && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {};
    return {
      ...this.#size(),
      ms: 1,
      legend: { show: false },
      cursor: { y: false, drag: { setScale: false, x: false, y: false } },
      padding: [10, 14, 0, 0],
      scales: { x: { time: true, auto: false }, y: { auto: false } },
      series: [
        {},
        none,
        none,
        { stroke: LINE, width: 1.5, points: { show: false }, spanGaps: false, ...paths },
      ],
      bands: [{ series: [2, 1], fill: BAND }],
      axes: [
        { ...axis, font: '12px sans-serif', size: 30, space: 70, values: timeLabels },
        { ...axis, font: '12px sans-serif', size: 54, ...stateAxis(this.labels.states) },
      ],
      hooks: {
        draw: [(plot) => this.#drawLimits(plot), (plot) => this.#drawAlarms(plot)],
        setCursor: [(plot) => onRead(readoutAt(plot))],
      },
    };
  }

  #drawLimits(plot: uPlot): void {
    const { ctx } = plot;
    const { left, width } = plot.bbox;
    const ratio = uPlot.pxRatio;
    ctx.save();
    ctx.font = `${12 * ratio}px sans-serif`;
    // On the left, where the oldest values are: the newest must stay free.
    ctx.textAlign = 'left';
    ctx.textBaseline = 'bottom';
    for (const limit of this.#limits) {
      const y = Math.round(plot.valToPos(limit.value, 'y', true));
      ctx.strokeStyle = ctx.fillStyle = COLOURS[limit.severity] ?? COLOURS.red;
      ctx.lineWidth = ratio;
      ctx.setLineDash([6 * ratio, 5 * ratio]);
      ctx.beginPath();
      ctx.moveTo(left, y);
      ctx.lineTo(left + width, y);
      ctx.stroke();
      const words = `${this.labels.letter(limit.severity)} ${limit.level}`;
      const text = `${words} ${opSign(limit.op)} ${formatLimit(limit.value)}`;
      this.#label(text, left + 6 * ratio, y - 3 * ratio);
    }
    ctx.restore();
  }

  /** A text with a dark rim, readable over the line without hiding it. */
  #label(text: string, left: number, bottom: number): void {
    const { ctx } = this.#plot;
    const ink = ctx.strokeStyle;
    ctx.setLineDash([]);
    ctx.lineJoin = 'round';
    ctx.lineWidth = 4 * uPlot.pxRatio;
    ctx.strokeStyle = GROUND;
    ctx.strokeText(text, left, bottom);
    ctx.strokeStyle = ink;
    ctx.fillText(text, left, bottom);
  }

  /** Each alarm as a bar along the upper edge, from its begin to its end, worst on top. */
  #drawAlarms(plot: uPlot): void {
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    const ratio = uPlot.pxRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    for (const alarm of this.#alarms) {
      const from = plot.valToPos(alarm.raised_at, 'x', true);
      const to = plot.valToPos(alarm.returned_at ?? plot.scales.x?.max ?? 0, 'x', true);
      const lane = 4 - ordinal(alarm.severity);
      const y = top + lane * (MARK_PX + 1) * ratio;
      ctx.fillStyle = COLOURS[alarm.severity] ?? COLOURS.red;
      ctx.fillRect(from, y, Math.max(2 * ratio, to - from), MARK_PX * ratio);
      ctx.globalAlpha = 0.5;
      ctx.fillRect(from, y, ratio, height);
      ctx.globalAlpha = 1;
    }
    ctx.restore();
  }
}

function timeLabels(_: uPlot, splits: number[], __: number, ___: number, step: number): string[] {
  return splits.map((time) => {
    const clock = formatClock(time);
    return step < MINUTE ? clock : clock.slice(0, 5);
  });
}

function readoutAt(plot: uPlot): Readout | null {
  const at = plot.cursor.idx;
  if (at === null || at === undefined) return null;
  const [t, low, high, mean] = plot.data as [number[], Column, Column, Column];
  const time = t[at];
  if (time === undefined) return null;
  return { time, low: low[at] ?? null, high: high[at] ?? null, mean: mean[at] ?? null };
}
