// Days, times and the times to which a notification can sleep, in the person's own zone and language.

const DAY = 86_400_000;

/** Midnight before a time. */
export function dayOf(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}

/** How many midnights lie between two times; summer time does not make a day of its own. */
export function daysBetween(earlier: number, later: number): number {
  return Math.round((dayOf(later) - dayOf(earlier)) / DAY);
}

/** A heading: today, yesterday, the weekday, then the date. */
export function dayName(at: number, now: number, locale: string): string {
  const days = daysBetween(at, now);
  if (days === 0 || days === 1) {
    const name = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-days, 'day');
    return name.charAt(0).toLocaleUpperCase(locale) + name.slice(1);
  }
  if (days > 1 && days < 7) return format(at, locale, { weekday: 'long' });
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return format(at, locale, { weekday: 'short', day: 'numeric', month: 'long', ...(sameYear ? {} : { year: 'numeric' }) });
}

/** The time of day. */
export function timeOfDay(at: number, locale: string): string {
  return format(at, locale, { timeStyle: 'short' });
}

/** Day and time, as short as the distance allows. */
export function moment(at: number, now: number, locale: string): string {
  const days = daysBetween(now, at);
  if (days === 0) return timeOfDay(at, locale);
  const near = Math.abs(days) < 7;
  const day: Intl.DateTimeFormatOptions = near ? { weekday: 'short' } : { day: 'numeric', month: 'short' };
  return `${format(at, locale, day)} ${timeOfDay(at, locale)}`;
}

/** Day and time, whole. */
export function whole(at: number, locale: string): string {
  return format(at, locale, { dateStyle: 'full', timeStyle: 'short' });
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(at: number, locale: string, options: Intl.DateTimeFormatOptions): string {
  // Making a format costs a hundred times as much as using it, and a list asks for one in each row.
  const key = locale + JSON.stringify(options);
  let known = formats.get(key);
  if (!known) {
    known = new Intl.DateTimeFormat(locale, options);
    formats.set(key, known);
  }
  return known.format(at);
}

export type SnoozeName = 'later' | 'tomorrow' | 'next_week';

/** The times that are offered to sleep until. */
export function snoozeChoices(now: number): { name: SnoozeName; until: number }[] {
  const choices: { name: SnoozeName; until: number }[] = [];
  const later = new Date(now + 3 * 3_600_000);
  later.setMinutes(0, 0, 0);
  // "Later today" that is tomorrow, or in the middle of the night, is not later today.
  if (dayOf(later.getTime()) === dayOf(now) && later.getHours() < 22) choices.push({ name: 'later', until: later.getTime() });
  choices.push({ name: 'tomorrow', until: morning(now, 1) });
  const toMonday = (8 - new Date(now).getDay()) % 7 || 7;
  choices.push({ name: 'next_week', until: morning(now, toMonday) });
  return choices;
}

/** Eight in the morning, some days from a time on. */
export function morning(now: number, days: number): number {
  const at = new Date(now);
  at.setDate(at.getDate() + days);
  return at.setHours(8, 0, 0, 0);
}

/** What a field for date and time wants: local, to the minute. */
export function fieldValue(at: number): string {
  const date = new Date(at);
  const two = (number: number) => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}
