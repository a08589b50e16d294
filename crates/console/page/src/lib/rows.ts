/** A long list of equal rows of which only the visible ones are drawn; one row may be open. */

/** Rows drawn beyond each edge, so that scrolling shows no holes. */
const MARGIN_ROWS = 4;

export interface Shape {
  count: number;
  rowHeight: number;
  /** Index of the open row, or -1. */
  open: number;
  /** What the open row is higher by. */
  openExtra: number;
}

export interface Slice {
  first: number;
  /** One past the last. */
  end: number;
}

export function offsetOf(shape: Shape, index: number): number {
  const extra = shape.open >= 0 && index > shape.open ? shape.openExtra : 0;
  return index * shape.rowHeight + extra;
}

export function totalHeight(shape: Shape): number {
  return offsetOf(shape, shape.count);
}

/** The row at a height. */
export function rowAt(shape: Shape, y: number): number {
  const { rowHeight, open, openExtra } = shape;
  const openTop = open * rowHeight;
  if (open < 0 || y < openTop + rowHeight) return Math.floor(y / rowHeight);
  return Math.max(open, Math.floor((y - openExtra) / rowHeight));
}

/** The rows to draw. */
export function visible(shape: Shape, top: number, height: number): Slice {
  const first = Math.max(0, rowAt(shape, Math.max(0, top)) - MARGIN_ROWS);
  const end = Math.min(shape.count, rowAt(shape, Math.max(0, top + height)) + 1 + MARGIN_ROWS);
  return { first: Math.min(first, end), end };
}

/** The scroll position that brings a row fully into view with the least movement. */
export function reveal(shape: Shape, index: number, top: number, height: number): number {
  const start = offsetOf(shape, index);
  const size = shape.rowHeight + (index === shape.open ? shape.openExtra : 0);
  if (start < top) return start;
  if (start + size > top + height) return start + size - height;
  return top;
}
