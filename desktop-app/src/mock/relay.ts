// The whole app on made-up data: it answers what the Rust side would, and remembers until the window is closed. The
// address of the page chooses what to see: `?mock&count=100000`, `&state=offline`, `signed_out`, `shut`, `waiting` or `failed`, `&newer`, `&empty`, `&first`, `&language=zh`.

import type { Carrier } from '../bridge';
import type { AccountView, Commands, Failure, ItemView, LocalPreferences, MarkChange, NewerView, PendingView, SettingsView, Told } from '../contract';
import { made } from './items';
import { settings } from './settings';

const PAGE = 200;

type Answers = { [Name in keyof Commands]: (ask: Commands[Name]['ask']) => Commands[Name]['answer'] };

export class MadeUpRelay implements Carrier {
  readonly #now = Date.now();
  readonly #items: ItemView[];
  readonly #settings: SettingsView = settings();
  readonly #pending: PendingView[] = [];
  readonly #newer: NewerView | null;
  #account: AccountView | null;
  #local: LocalPreferences;
  #tell: (told: Told) => void = () => {};
  #tests = 0;
  readonly #state: string;

  constructor(wanted: URLSearchParams) {
    this.#state = wanted.get('state') ?? 'live';
    const count = wanted.has('empty') ? 0 : Number(wanted.getAll('count').at(-1) ?? 60);
    this.#items = Array.from({ length: count }, (_, number) => made(number, this.#now, count));
    this.#local = {
      language: (wanted.get('language') ?? 'system') as LocalPreferences['language'],
      theme: (wanted.get('theme') ?? 'system') as LocalPreferences['theme'],
      density: (wanted.get('density') ?? 'comfortable') as LocalPreferences['density'],
      less_motion: false,
      silent: false,
      told_closing: false,
      passed_version: null,
    };
    this.#account = wanted.has('first') ? null : this.#made(this.#state);
    if (this.#state === 'offline') this.#pending.push({ kind: 'mark', category: null, channels: [] }, { kind: 'preference', category: 'orders', channels: ['push'] });
    this.#newer = wanted.has('newer') ? { version: '0.2.0', url: 'https://shop.example/tidings' } : null;
    // Everybody has chosen where a newer version is to be seen.
    if (this.#newer) for (const category of this.#settings.categories) for (const channel of category.channels) category.consent[channel] ??= 'refused';
    this.#recount();
  }

  call(command: string, ask: Record<string, unknown>): Promise<unknown> {
    // A disk that takes its time, and one that is broken.
    if (command === 'page' && this.#state === 'waiting') return new Promise(() => {});
    if (command === 'page' && this.#state === 'failed') return Promise.reject({ code: 'storage_failed', detail: 'input/output error' } satisfies Failure);
    const answer = this.#answers[command as keyof Commands] as (ask: unknown) => unknown;
    // As over the real bridge, nothing is answered at once, and nobody holds the other side's objects.
    return new Promise((resolve, reject) => {
      setTimeout(() => {
        try {
          resolve(structuredClone(answer(ask)));
        } catch (thrown) {
          reject(thrown);
        }
      }, 0);
    });
  }

  hear(told: (event: Told) => void): Promise<() => void> {
    this.#tell = told;
    return Promise.resolve(() => (this.#tell = () => {}));
  }

  #made(state: string): AccountView {
    const connection: AccountView['connection'] =
      state === 'offline'
        ? { state: 'offline', since: this.#now - 14 * 60_000, next_try: this.#now + 30_000 }
        : state === 'signed_out'
          ? { state: 'signed_out', why: 'revoked' }
          : state === 'shut'
            ? { state: 'offline', since: null, next_try: null }
            : { state: 'live' };
    return {
      id: 'a1',
      relay: 'https://relay.shop.example',
      recipient: 'alice',
      connection,
      complete_as_of: this.#now,
      unread: 0,
      unread_by_category: {},
      pending: 0,
      repaired: false,
      secret: 'keychain',
      problem: state === 'shut' ? { code: 'no_keychain', detail: 'the keychain is locked' } : null,
    };
  }

  #recount(): void {
    if (!this.#account) return;
    const unread = this.#items.filter(({ row }) => row.unread && !row.archived);
    const by: Record<string, number> = {};
    for (const { row } of unread) by[row.category] = (by[row.category] ?? 0) + 1;
    this.#account = { ...this.#account, unread: unread.length, unread_by_category: by, pending: this.#pending.length };
  }

  #changed(): void {
    this.#recount();
    const account = this.#account;
    if (!account) return;
    this.#tell({ kind: 'account', account: account.id, view: structuredClone(account) });
    this.#tell({ kind: 'changed', account: account.id });
  }

  #item(id: string): ItemView {
    const item = this.#items.find(({ row }) => row.id === id);
    if (!item) throw { code: 'not_found', detail: 'there is no such notification' } satisfies Failure;
    return item;
  }

  #online(): void {
    if (this.#account?.connection.state !== 'live') throw { code: 'offline', detail: 'the relay was not reached' } satisfies Failure;
  }

  #mark({ row, ...item }: ItemView, change: MarkChange): void {
    const asleep = change.do === 'snooze' && change.until > Date.now() ? change.until : null;
    if (change.do === 'read') row.unread = false;
    if (change.do === 'unread') row.unread = true;
    if (change.do === 'archive') row.archived = true;
    if (change.do === 'unarchive') row.archived = false;
    if (change.do === 'snooze') row.snoozed_until = asleep;
    item.read_at = row.unread ? null : Date.now();
  }

  #page({ query, after }: Commands['page']['ask']): Commands['page']['answer'] {
    const words = query.text?.toLowerCase().split(/\s+/) ?? [];
    const matches = ({ row, body }: ItemView): boolean => {
      const asleep = row.snoozed_until !== null && row.snoozed_until > Date.now();
      const shelf = row.archived ? 'archive' : asleep ? 'snoozed' : 'inbox';
      const text = `${row.title} ${body}`.toLowerCase();
      return (
        shelf === query.shelf &&
        (!query.unread_only || row.unread) &&
        (query.category === null || row.category === query.category) &&
        words.every((word) => text.includes(word))
      );
    };
    const begin = after === null ? 0 : this.#items.findIndex(({ row }) => row.place === after) + 1;
    const rows = [];
    for (let at = begin; at < this.#items.length; at += 1) {
      const item = this.#items[at];
      if (!item || !matches(item)) continue;
      rows.push(item.row);
      if (rows.length === PAGE) return { rows, next: item.row.place };
    }
    return { rows, next: null };
  }

  #test(): string {
    this.#tests += 1;
    const item = made(2, Date.now(), 60);
    item.row = { ...item.row, id: `t${this.#tests}`, title: 'It works', preview: 'This is a test that you asked for.', unread: true, created_at: Date.now() };
    item.row.place = `${item.row.created_at}.${item.row.id}`;
    const account = this.#account?.id ?? '';
    setTimeout(() => {
      this.#items.unshift(item);
      this.#changed();
    }, 600);
    setTimeout(() => this.#tell({ kind: 'popup', account, notification: item.row.id, problem: null }), 1_200);
    return item.row.id;
  }

  readonly #answers: Answers = {
    overview: () => ({
      accounts: this.#account ? [this.#account] : [],
      local: this.#local,
      computer: { version: '0.1.0', time_zone: 'Europe/Berlin', tray: true, autostart: false, newer: this.#newer },
    }),
    missed: () => [],
    connect: ({ link, relay }) => {
      if (link.includes('://') && !link.startsWith('tidings://connect')) throw { code: 'broken_link', detail: 'no link' } satisfies Failure;
      this.#account = { ...this.#made('live'), relay: relay ? `https://${relay}` : 'https://relay.shop.example' };
      this.#changed();
      return this.#account;
    },
    retry: () => {
      if (this.#account) this.#account.connection = { state: 'live' };
      this.#pending.length = 0;
      this.#changed();
      return null;
    },
    sign_out: ({ keep }) => {
      if (this.#account && keep) this.#account.connection = { state: 'signed_out', why: 'no_credentials' };
      else this.#gone();
      this.#changed();
      return null;
    },
    erase: () => {
      this.#online();
      this.#gone();
      return null;
    },
    page: (ask) => this.#page(ask),
    item: ({ id }) => this.#items.find(({ row }) => row.id === id) ?? null,
    mark: ({ ids, change }) => {
      for (const id of ids) this.#mark(this.#item(id), change);
      this.#changed();
      return null;
    },
    mark_all_read: ({ category }) => {
      for (const item of this.#items) if (category === null || item.row.category === category) this.#mark(item, { do: 'read' });
      this.#changed();
      return null;
    },
    acknowledge: ({ id }) => this.#acknowledged(id),
    act: ({ id, action }) => (this.#item(id).actions.find((known) => known.id === action)?.acknowledges ? this.#acknowledged(id) : null),
    follow: () => null,
    feedback: () => null,
    story: ({ id }) => {
      this.#online();
      const at = this.#item(id).row.created_at;
      return {
        state: 'active',
        lines: [
          { at, kind: 'decided', gate: 'rule', reason: 'matched', text: 'The rule “order_shipped” is for you' },
          { at, kind: 'decided', gate: 'consent', reason: 'contract', text: 'No consent is needed: it belongs to your order' },
          { at, kind: 'decided', gate: 'quiet_hours', reason: 'awake', text: 'It is outside of your quiet hours' },
          { at: at + 400, kind: 'receipt', gate: null, reason: null, text: 'Received by this device' },
          { at: at + 900, kind: 'receipt', gate: null, reason: null, text: 'Displayed on this device' },
        ],
      };
    },
    look_at: () => null,
    settings: () => (this.#account ? this.#settings : null),
    pending: () => this.#pending,
    set_preference: ({ category, channel, chosen }) => {
      const known = this.#settings.categories.find(({ id }) => id === category);
      for (const name of channel === null ? (known?.channels ?? []) : [channel]) if (known) known.chosen[name] = chosen;
      this.#changed();
      return null;
    },
    decide_consent: ({ category, channels, granted }) => {
      const known = this.#settings.categories.find(({ id }) => id === category);
      for (const name of channels) if (known) known.consent[name] = granted ? 'granted' : name in known.consent ? 'withdrawn' : 'refused';
      this.#changed();
      return null;
    },
    set_quiet_hours: ({ quiet_hours }) => {
      this.#settings.quiet_hours = quiet_hours;
      this.#changed();
      return null;
    },
    pause: ({ until }) => {
      this.#settings.paused_until = until;
      this.#changed();
      return null;
    },
    devices: () => {
      this.#online();
      return [
        { id: 'd1', platform: 'linux', created_at: this.#now - 90_000_000, seen_at: this.#now, this: true },
        { id: 'd2', platform: 'android', created_at: this.#now - 900_000_000, seen_at: this.#now - 7_200_000, this: false },
      ];
    },
    remove_device: () => null,
    send_test: () => {
      this.#online();
      return this.#test();
    },
    set_local: ({ local }) => {
      this.#local = local;
      return null;
    },
    set_autostart: () => null,
    open_link: () => null,
    export: () => {
      this.#online();
      return 'Downloads/tidings-alice.json';
    },
    stored: () => ({ folder: '~/.local/share/dev.tidings.desktop/accounts/a1', bytes: 2_340_000, secret: 'keychain' }),
    quit: () => null,
  };

  #acknowledged(id: string): null {
    const item = this.#item(id);
    item.row.awaits_acknowledgement = false;
    item.acknowledged_at = Date.now();
    this.#changed();
    return null;
  }

  #gone(): void {
    const account = this.#account?.id;
    this.#account = null;
    if (account) this.#tell({ kind: 'account', account, view: null });
  }
}
