import { describe, expect, test } from 'vitest';
import { dayName, daysBetween, fieldValue, moment, snoozeChoices, timeOfDay } from '../../src/dates';

const at = (day: number, hour: number, minute = 0) => new Date(2026, 10, day, hour, minute).getTime();

describe('the name of a day', () => {
  const now = at(22, 15);

  test('says how far it is', () => {
    expect(dayName(at(22, 1), now, 'en')).toBe('Today');
    expect(dayName(at(21, 23), now, 'de')).toBe('Gestern');
    expect(dayName(at(18, 9), now, 'en')).toBe('Wednesday');
    expect(dayName(at(2, 9), now, 'en')).toBe('Mon, November 2');
    expect(dayName(new Date(2025, 1, 3).getTime(), now, 'en')).toContain('2025');
  });

  test('midnight divides, not the length of a day', () => {
    expect(daysBetween(at(21, 23, 59), at(22, 0, 1))).toBe(1);
    // The clock is set back in that night: the day has 25 hours.
    expect(daysBetween(new Date(2026, 9, 24, 12).getTime(), new Date(2026, 9, 25, 23).getTime())).toBe(1);
  });
});

describe('the times to sleep until', () => {
  test('in the afternoon are later, tomorrow and next Monday', () => {
    const choices = snoozeChoices(at(22, 15, 20));
    expect(choices.map(({ name }) => name)).toEqual(['later', 'tomorrow', 'next_week']);
    expect(choices.map(({ until }) => until)).toEqual([at(22, 18), at(23, 8), at(23, 8)]);
  });

  test('late in the evening there is no later today', () => {
    expect(snoozeChoices(at(24, 22)).map(({ name }) => name)).toEqual(['tomorrow', 'next_week']);
    expect(snoozeChoices(at(24, 22)).at(-1)?.until).toBe(at(30, 8));
  });

  test('on a Monday next week is a week away', () => {
    expect(snoozeChoices(at(23, 9)).at(-1)?.until).toBe(at(30, 8));
  });
});

test('a moment is as short as its distance allows', () => {
  const now = at(22, 15);
  expect(moment(at(22, 18), now, 'de')).toBe('18:00');
  expect(moment(at(24, 8), now, 'de')).toMatch(/^Di\.?,? 08:00$/);
  expect(moment(at(22, 18) + 20 * 86_400_000, now, 'de')).toMatch(/12\. Dez/);
  // As each language writes a time of day: a zero before the hour belongs to 24 of them.
  expect(timeOfDay(at(22, 3, 19), 'en').replace(/\s/, ' ')).toBe('3:19 AM');
  expect(timeOfDay(at(22, 3, 19), 'de')).toBe('03:19');
  expect(timeOfDay(at(22, 3, 19), 'zh-Hans')).toBe('03:19');
  expect(fieldValue(at(2, 8, 5))).toBe('2026-11-02T08:05');
});
