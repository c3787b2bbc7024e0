import { describe, expect, test } from 'vitest';
import type { RowView } from '../../src/contract';
import { layOut, placeOf, seen, withPage } from '../../src/rows';

const DAY = 86_400_000;

function row(id: string, created_at: number): RowView {
  return {
    id,
    place: `${created_at}.${id}`,
    category: 'general',
    title: id,
    preview: '',
    priority: 'normal',
    unread: true,
    archived: false,
    snoozed_until: null,
    awaits_acknowledgement: false,
    created_at,
  };
}

const ids = (rows: readonly RowView[]) => rows.map(({ id }) => id).join('');

describe('a page in a list', () => {
  const [a, b, c, d, e] = [row('a', 50), row('b', 40), row('c', 30), row('d', 20), row('e', 10)];

  test('at the end it goes on', () => {
    expect(ids(withPage([a, b], [c, d], b, false))).toBe('abcd');
  });

  test('at the top it brings what is new and keeps what lies deeper', () => {
    const fresh = row('n', 60);
    expect(ids(withPage([a, b, c, d], [fresh, a, b], null, false))).toBe('nabcd');
  });

  test('what is gone from its stretch is gone from the list', () => {
    expect(ids(withPage([a, b, c, d, e], [a, c], null, false))).toBe('acde');
    expect(ids(withPage([a, b, c, d, e], [d], b, false))).toBe('abde');
  });

  test('the last page ends the list', () => {
    expect(ids(withPage([a, b, c, d, e], [c], b, true))).toBe('abc');
    expect(ids(withPage([a, b], [], null, true))).toBe('');
  });

  test('a place that is gone itself still divides the list', () => {
    expect(ids(withPage([a, c, d], [c, d], b, false))).toBe('acd');
  });

  test('equal times are ordered by id, the greater first', () => {
    const [x, y] = [row('x', 40), row('y', 40)];
    expect(placeOf([a, y, x], x)).toBe(2);
    expect(placeOf([a, y, x], y)).toBe(1);
  });
});

describe('the layout of a list', () => {
  const noon = new Date(2026, 10, 22, 12).getTime();
  const rows = [row('a', noon), row('b', noon - 3_600_000), row('c', noon - DAY), row('d', noon - 3 * DAY)];
  const layout = layOut(rows, 60, 30);

  test('has a heading for each day, and rows where they belong', () => {
    expect(layout.lines.map((line) => (line.kind === 'day' ? '-' : line.index))).toEqual(['-', 0, 1, '-', 2, '-', 3]);
    expect([...layout.tops]).toEqual([0, 30, 90, 150, 180, 240, 270, 330]);
    expect(layout.lineOf[2]).toBe(4);
  });

  test('shows what lies between two heights', () => {
    expect(seen(layout, 0, 100, 0)).toEqual([0, 3]);
    expect(seen(layout, 160, 100, 0)).toEqual([3, 6]);
    expect(seen(layout, 10_000, 100, 0)).toEqual([7, 7]);
  });

  test('of 100,000 rows takes less than the blink of an eye', () => {
    const many = Array.from({ length: 100_000 }, (_, n) => row(`n${n}`, noon - n * 600_000));
    const began = performance.now();
    const { tops, lines } = layOut(many, 60, 30);
    expect(performance.now() - began).toBeLessThan(250);
    expect(tops[lines.length]).toBeGreaterThan(6_000_000);
  });
});
