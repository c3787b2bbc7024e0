// What the window knows of the app: accounts, preferences, what was told. One for the whole window.

import { ask, failure, hear } from '../bridge';
import type { AccountView, Computer, Failure, LocalPreferences, SettingsView, Told } from '../contract';
import { localeOf, spoken, wordsOf, type Words } from '../words';

export type Screen =
  | { name: 'inbox' }
  | { name: 'preferences' }
  | { name: 'consent' }
  | { name: 'connect'; link: string; relay: string; account: string | null };

export interface Note {
  text: string;
  tone: 'plain' | 'alarm';
  undo?: () => Promise<void>;
}

/** How long a note stays, in milliseconds: long enough to read two lines and to reach for the undo. */
const NOTE_STAYS = 8_000;

export class App {
  phase = $state<'loading' | 'ready' | 'failed'>('loading');
  problem = $state<Failure | null>(null);
  accounts = $state<AccountView[]>([]);
  chosen = $state<string | null>(null);
  local = $state<LocalPreferences>({
    language: 'system',
    theme: 'system',
    density: 'comfortable',
    less_motion: false,
    silent: false,
    told_closing: false,
    passed_version: null,
  });
  computer = $state<Computer>({ version: '', time_zone: null, tray: true, autostart: false, newer: null });
  screen = $state<Screen>({ name: 'inbox' });
  settings = $state<SettingsView | null>(null);
  note = $state<Note | null>(null);
  showsKeys = $state(false);
  /** Rises once a minute, so that "today" and times that pass are right. */
  now = $state(Date.now());

  readonly language = $derived.by(() => spoken(this.local.language, navigator.languages));
  readonly words: Words = $derived(wordsOf(this.language));
  readonly locale = $derived(localeOf(this.language, navigator.languages));
  readonly account = $derived(this.accounts.find((account) => account.id === this.chosen) ?? null);

  #changed: (account: string) => void = () => {};
  #open: (notification: string) => void = () => {};
  #hops: (told: Told & { kind: 'popup' }) => void = () => {};
  #noteTimer: ReturnType<typeof setTimeout> | undefined;

  /** Begins: listens first, so that nothing is missed between the answer and the first event. */
  async begin(): Promise<() => void> {
    const timer = setInterval(() => (this.now = Date.now()), 60_000);
    const deaf = await hear((told) => {
      this.told(told);
      // What is kept for a window that is not there yet was heard by this one.
      if (told.kind === 'open' || told.kind === 'connect') void ask('missed');
    });
    await this.load();
    for (const told of await ask('missed')) this.told(told);
    return () => {
      clearInterval(timer);
      deaf();
    };
  }

  async load(): Promise<void> {
    this.phase = 'loading';
    try {
      const overview = await ask('overview');
      this.accounts = overview.accounts;
      this.local = overview.local;
      this.computer = overview.computer;
      this.phase = 'ready';
      const first = this.accounts[0];
      if (first) await this.choose(this.chosen ?? first.id);
      else this.connect();
    } catch (thrown) {
      this.problem = failure(thrown);
      this.phase = 'failed';
    }
  }

  async choose(account: string): Promise<void> {
    this.chosen = account;
    this.settings = null;
    await this.loadSettings();
  }

  async loadSettings(): Promise<void> {
    const account = this.chosen;
    if (!account) return;
    try {
      const settings = await ask('settings', { account });
      if (this.chosen === account) this.settings = settings;
    } catch {
      // The account's view says what is wrong with it.
    }
  }

  connect(link = '', relay = '', account: string | null = null): void {
    this.screen = { name: 'connect', link, relay, account };
  }

  show(name: 'inbox' | 'preferences' | 'consent'): void {
    this.screen = { name };
  }

  /** What the parts of the window want to hear of. */
  onChanged(changed: (account: string) => void): void {
    this.#changed = changed;
  }

  onOpen(open: (notification: string) => void): void {
    this.#open = open;
  }

  onPopup(popup: (told: Told & { kind: 'popup' }) => void): void {
    this.#hops = popup;
  }

  told(told: Told): void {
    switch (told.kind) {
      case 'account':
        this.#accountTold(told.account, told.view);
        break;
      case 'changed':
        if (told.account === this.chosen) void this.loadSettings();
        this.#changed(told.account);
        break;
      case 'open':
        void this.#opened(told.account, told.notification);
        break;
      case 'connect':
        this.connect(told.link, told.relay);
        break;
      case 'refused':
        if (told.asked) this.say(this.words.refused(this.words.asked[told.asked.kind] ?? told.code), 'alarm');
        break;
      case 'popup':
        this.#hops(told);
        break;
      case 'zone_moved':
        this.say(this.words.zoneMoved(told.from, told.to));
        break;
      case 'newer':
        this.computer.newer = told.newer;
        break;
      case 'local':
        break;
    }
  }

  #accountTold(id: string, view: AccountView | null): void {
    const known = this.accounts.findIndex((account) => account.id === id);
    if (!view) {
      this.accounts = this.accounts.filter((account) => account.id !== id);
      if (this.chosen !== id) return;
      this.chosen = this.accounts[0]?.id ?? null;
      if (this.chosen) {
        void this.loadSettings();
        this.show('inbox');
      } else {
        this.settings = null;
        this.connect();
      }
    } else if (known >= 0) {
      this.accounts[known] = view;
    } else {
      this.accounts.push(view);
    }
  }

  async #opened(account: string, notification: string | null): Promise<void> {
    if (this.chosen !== account && this.accounts.some((known) => known.id === account)) await this.choose(account);
    this.show('inbox');
    if (notification) this.#open(notification);
  }

  async setLocal(change: Partial<LocalPreferences>): Promise<void> {
    const before = this.local;
    this.local = { ...before, ...change };
    await this.attempt(() => ask('set_local', { local: this.local })).then((done) => {
      if (!done) this.local = before;
    });
  }

  say(text: string, tone: Note['tone'] = 'plain', undo?: () => Promise<void>): void {
    clearTimeout(this.#noteTimer);
    this.note = undo ? { text, tone, undo } : { text, tone };
    this.#noteTimer = setTimeout(() => (this.note = null), NOTE_STAYS);
  }

  hush(): void {
    clearTimeout(this.#noteTimer);
    this.note = null;
  }

  async undo(): Promise<void> {
    const undo = this.note?.undo;
    if (!undo) return;
    this.hush();
    await this.attempt(undo);
  }

  /** A sentence for what went wrong; its details are for whoever asks. */
  sentence(problem: Failure): string {
    const sentences = this.words.failures;
    return sentences[problem.code] ?? `${sentences['failed'] ?? ''} (${problem.detail})`;
  }

  /** Does it, and says what went wrong if it did; whether it was done. */
  async attempt(what: () => Promise<unknown>): Promise<boolean> {
    try {
      await what();
      return true;
    } catch (thrown) {
      this.say(this.sentence(failure(thrown)), 'alarm');
      return false;
    }
  }
}
