// Which words the window speaks.

import type { Language } from './contract';
import { de } from './words/de';
import { en, type Words } from './words/en';
import { zh } from './words/zh';

export type { Words };

const all: Record<'en' | 'de' | 'zh', Words> = { en, de, zh };

/** The language that is spoken: the chosen one, or the first of the system's that is known. */
export function spoken(language: Language, system: readonly string[]): 'en' | 'de' | 'zh' {
  if (language !== 'system') return language;
  for (const tag of system) {
    const known = tag.slice(0, 2).toLowerCase();
    if (known === 'en' || known === 'de' || known === 'zh') return known;
  }
  return 'en';
}

export function wordsOf(language: 'en' | 'de' | 'zh'): Words {
  return all[language];
}

/** The tag for dates and numbers: the system's own variant of the language where there is one. */
export function localeOf(language: 'en' | 'de' | 'zh', system: readonly string[]): string {
  const own = system.find((tag) => tag.toLowerCase().startsWith(language));
  return own ?? (language === 'zh' ? 'zh-CN' : language);
}
