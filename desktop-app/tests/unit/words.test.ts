import { expect, test } from 'vitest';
import { localeOf, spoken, wordsOf } from '../../src/words';

test('the chosen language is spoken, else the first of the system that is known', () => {
  expect(spoken('zh', ['de'])).toBe('zh');
  expect(spoken('system', ['fr-FR', 'de-AT', 'en'])).toBe('de');
  expect(spoken('system', ['fr'])).toBe('en');
  expect(localeOf('de', ['en', 'de-AT'])).toBe('de-AT');
  expect(localeOf('zh', ['en'])).toBe('zh-CN');
});

/** Every text of a language with its path; functions are called. */
function texts(words: unknown, path = ''): [string, string][] {
  if (typeof words === 'string') return [[path, words]];
  if (typeof words === 'function') return [[path, String((words as (...args: unknown[]) => string)(2, '#t', '#t'))]];
  return Object.entries(words as object).flatMap(([key, value]) => texts(value, `${path}.${key}`));
}

/** The same in every language: names, examples and signs. */
const SAME = new Set(['.app', '.connect.fieldHint', '.connect.relayHint', '.prefs.languages.en', '.prefs.languages.de', '.prefs.languages.zh', '.prefs.version']);

test.each(['de', 'zh'] as const)('every text of the window is there in %s', (language) => {
  const there = new Map(texts(wordsOf(language)));
  const english = texts(wordsOf('en'));
  expect([...there.keys()].sort()).toEqual(english.map(([path]) => path).sort());
  const empty = [...there].filter(([, text]) => text.trim() === '').map(([path]) => path);
  expect(empty).toEqual([]);
  if (language === 'zh') {
    const left = english.filter(([path, text]) => there.get(path) === text && !SAME.has(path) && /[a-z]{3}/i.test(text));
    expect(left.map(([path]) => path).filter((path) => !path.endsWith('.webhook'))).toEqual([]);
  }
});
