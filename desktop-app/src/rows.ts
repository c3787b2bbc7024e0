// The rows of a long list: kept in order, replaced a stretch at a time, laid out by day. No state of its own.

import { dayOf } from './dates';
import type { RowView } from './contract';

/** Newest first; the id decides between equal times, as in the store. */
export function comesBefore(a: RowView, b: RowView): boolean {
  return a.created_at === b.created_at ? a.id > b.id : a.created_at > b.created_at;
}

/** How many rows come before a row, or would. */
export function placeOf(rows: readonly RowView[], row: RowView): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const known = rows[middle];
    if (known && comesBefore(known, row)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Puts a page in the place of what was known of its stretch: everything after the row that it was asked after (or from
 * the beginning), up to its last row (or to the end, if it was the last page).
 */
export function withPage(
  rows: readonly RowView[],
  page: readonly RowView[],
  after: RowView | null,
  isLast: boolean,
): RowView[] {
  const begin = after ? afterRow(rows, after) : 0;
  const last = page.at(-1);
  const end = isLast || !last ? rows.length : Math.max(begin, afterRow(rows, last));
  return [...rows.slice(0, begin), ...page, ...rows.slice(end)];
}

function afterRow(rows: readonly RowView[], row: RowView): number {
  const place = placeOf(rows, row);
  return rows[place]?.id === row.id ? place + 1 : place;
}

/** A line of the list: the heading of a day, or a row. */
export type Line = { kind: 'day'; at: number } | { kind: 'row'; index: number };

export interface Layout {
  lines: Line[];
  /** Where each line begins, and at last where the list ends. */
  tops: Float64Array;
  /** The line of each row. */
  lineOf: Int32Array;
}

/** Lays rows out under the headings of their days. */
export function layOut(rows: readonly RowView[], rowHeight: number, dayHeight: number): Layout {
  const lines: Line[] = [];
  const lineOf = new Int32Array(rows.length);
  // A day is found once, not for each of its rows: asking for a date is what would cost.
  let [dayFrom, dayTo] = [Infinity, -Infinity];
  rows.forEach((row, index) => {
    if (row.created_at < dayFrom || row.created_at >= dayTo) {
      dayFrom = dayOf(row.created_at);
      const next = new Date(dayFrom);
      next.setDate(next.getDate() + 1);
      dayTo = next.getTime();
      lines.push({ kind: 'day', at: dayFrom });
    }
    lineOf[index] = lines.length;
    lines.push({ kind: 'row', index });
  });
  const tops = new Float64Array(lines.length + 1);
  lines.forEach((line, index) => {
    tops[index + 1] = (tops[index] ?? 0) + (line.kind === 'day' ? dayHeight : rowHeight);
  });
  return { lines, tops, lineOf };
}

/** The lines that are seen between two heights, with a few more on each side. */
export function seen(layout: Layout, top: number, height: number, more: number): [number, number] {
  const first = Math.max(0, lineAt(layout, top) - more);
  const last = Math.min(layout.lines.length, lineAt(layout, top + height) + 1 + more);
  return [first, last];
}

function lineAt({ tops, lines }: Layout, height: number): number {
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((tops[middle + 1] ?? Infinity) <= height) low = middle + 1;
    else high = middle;
  }
  return low;
}
