// The list that is open, and what is done to the notifications in it.

import { ask, failure } from '../bridge';
import type { Failure, ItemView, ListQuery, MarkChange, RowView, Shelf } from '../contract';
import { moment } from '../dates';
import { placeOf, withPage } from '../rows';
import type { App } from './app.svelte';

/** Notifications that one call marks at most, as the Rust side has it. */
const MARKS_MAX = 500;

export class Inbox {
  shelf = $state<Shelf>('inbox');
  category = $state<string | null>(null);
  unreadOnly = $state(false);
  text = $state('');
  rows = $state.raw<RowView[]>([]);
  phase = $state<'loading' | 'ready' | 'failed'>('loading');
  problem = $state<Failure | null>(null);
  isWhole = $state(false);
  /** The row that the keyboard stands on. */
  focused = $state<string | null>(null);
  opened = $state<string | null>(null);
  item = $state<ItemView | null>(null);
  selected = $state<ReadonlySet<string>>(new Set());
  snoozing = $state<string[] | null>(null);

  readonly #app: App;
  /** Answers to questions that are not asked any more are dropped by it. */
  #asking = 0;
  #loadingMore = false;
  #refreshing = false;
  /** Rises when something changed; rows that are older have to be looked at again when they are seen. */
  #change = 0;
  #checked = new Map<string, number>();

  constructor(app: App) {
    this.#app = app;
    app.onChanged((account) => {
      if (account === app.chosen) void this.refresh();
    });
    app.onOpen((notification) => void this.open(notification));
  }

  get query(): ListQuery {
    const text = this.text.trim();
    return { category: this.category, unread_only: this.unreadOnly, text: text || null, shelf: this.shelf };
  }

  /** Begins a list anew: another account, shelf, category or search. */
  async load(): Promise<void> {
    const account = this.#app.chosen;
    const asking = ++this.#asking;
    const change = this.#change;
    this.#checked.clear();
    this.selected = new Set();
    this.phase = 'loading';
    this.rows = [];
    this.isWhole = false;
    if (!account) return;
    try {
      const page = await ask('page', { account, query: this.query, after: null });
      if (asking !== this.#asking) return;
      this.rows = page.rows;
      this.isWhole = page.next === null;
      for (const row of page.rows) this.#checked.set(row.id, change);
      this.phase = 'ready';
      if (this.#change !== change) void this.#catchUp();
    } catch (thrown) {
      this.#failed(thrown, asking);
    }
  }

  /** Reads on at the end of what is known. */
  async more(): Promise<void> {
    if (this.isWhole || this.#loadingMore || this.phase !== 'ready') return;
    this.#loadingMore = true;
    await this.#read(this.rows.at(-1) ?? null);
    this.#loadingMore = false;
  }

  /** Something changed: the top is read again now, the rest when it is seen. */
  async refresh(): Promise<void> {
    this.#change += 1;
    if (this.phase === 'failed') return this.load();
    // What is being read is read to its end first: a search that begins anew with every change would never end.
    if (this.phase === 'ready' && !this.#refreshing) await this.#catchUp();
  }

  async #catchUp(): Promise<void> {
    this.#refreshing = true;
    let change: number;
    do {
      change = this.#change;
      await Promise.all([this.#read(null), this.#reread()]);
    } while (change !== this.#change && this.phase === 'ready');
    this.#refreshing = false;
  }

  /** Rows came into sight; those that may have changed since they were read are read again. */
  async sight(first: number, last: number): Promise<void> {
    // What is being read anew comes into sight once more.
    if (this.#refreshing) return;
    const stale = this.rows.slice(first, last).some((row) => this.#checked.get(row.id) !== this.#change);
    if (stale) await this.#read(first > 0 ? (this.rows[first - 1] ?? null) : null);
  }

  async #read(after: RowView | null): Promise<void> {
    const account = this.#app.chosen;
    if (!account) return;
    const asking = this.#asking;
    const change = this.#change;
    try {
      const page = await ask('page', { account, query: this.query, after: after?.place ?? null });
      if (asking !== this.#asking) return;
      const isLast = page.next === null;
      this.rows = withPage(this.rows, page.rows, after, isLast);
      this.isWhole ||= isLast;
      for (const row of page.rows) this.#checked.set(row.id, change);
    } catch (thrown) {
      this.#failed(thrown, asking);
    }
  }

  #failed(thrown: unknown, asking: number): void {
    const problem = failure(thrown);
    // Another search began; its answer is on its way.
    if (problem.code === 'overtaken' || asking !== this.#asking) return;
    this.problem = problem;
    this.phase = 'failed';
  }

  async #reread(): Promise<void> {
    const [account, id] = [this.#app.chosen, this.opened];
    if (!account || !id) return;
    const item = await ask('item', { account, id }).catch(() => null);
    if (this.opened === id) this.item = item;
  }

  async open(id: string): Promise<void> {
    const account = this.#app.chosen;
    if (!account) return;
    this.focused = id;
    this.opened = id;
    const item = await ask('item', { account, id }).catch(() => null);
    if (this.opened !== id) return;
    this.item = item;
    this.lookAt();
    if (item?.row.unread) await this.#mark([id], { do: 'read' });
  }

  shut(): void {
    this.opened = null;
    this.item = null;
    this.lookAt();
  }

  /** Says what is before the person's eyes, so that no popup is shown for it. */
  lookAt(): void {
    const isSeen = document.hasFocus() && this.#app.screen.name === 'inbox';
    const id = isSeen ? this.opened : null;
    void ask('look_at', { account: id ? this.#app.chosen : null, id });
  }

  step(by: 1 | -1): string | null {
    const at = this.rows.findIndex((row) => row.id === this.focused);
    const next = at < 0 ? this.rows[0] : this.rows[Math.min(Math.max(at + by, 0), this.rows.length - 1)];
    this.focused = next?.id ?? null;
    return this.focused;
  }

  /** What is meant: the selection, else what is open or stands under the keyboard. */
  get meant(): RowView[] {
    if (this.selected.size > 0) return this.rows.filter((row) => this.selected.has(row.id));
    const id = this.focused ?? this.opened;
    const row = this.rows.find((known) => known.id === id) ?? (this.item?.row.id === id ? this.item?.row : undefined);
    return row ? [row] : [];
  }

  toggle(id: string, to = !this.selected.has(id)): void {
    const selected = new Set(this.selected);
    if (to) selected.add(id);
    else selected.delete(id);
    this.selected = selected;
  }

  /** Selects everything between the row under the keyboard and another one. */
  selectTo(id: string): void {
    const from = this.rows.findIndex((row) => row.id === this.focused);
    const to = this.rows.findIndex((row) => row.id === id);
    if (from < 0 || to < 0) return this.toggle(id, true);
    const stretch = this.rows.slice(Math.min(from, to), Math.max(from, to) + 1);
    this.selected = new Set([...this.selected, ...stretch.map((row) => row.id)]);
  }

  clearSelection(): void {
    this.selected = new Set();
  }

  async markRead(rows: readonly RowView[], read: boolean): Promise<void> {
    const { done } = this.#app.words;
    const changed = rows.filter((row) => row.unread === read);
    const say = read ? done.read : done.unread;
    await this.#do(changed, { do: read ? 'read' : 'unread' }, { do: read ? 'unread' : 'read' }, say(changed.length));
  }

  /** Reads what is unread, or the other way around if all of it was read. */
  async toggleRead(rows: readonly RowView[]): Promise<void> {
    await this.markRead(rows, rows.some((row) => row.unread));
  }

  async archive(rows: readonly RowView[], archived: boolean): Promise<void> {
    const { done } = this.#app.words;
    const changed = rows.filter((row) => row.archived !== archived);
    const [there, back]: [MarkChange, MarkChange] = [{ do: 'archive' }, { do: 'unarchive' }];
    const say = (archived ? done.archive : done.unarchive)(changed.length);
    await this.#do(changed, archived ? there : back, archived ? back : there, say, true);
  }

  async snooze(ids: readonly string[], until: number): Promise<void> {
    this.snoozing = null;
    const rows = ids.map((id) => this.rows.find((row) => row.id === id) ?? this.item?.row).filter((row) => row !== undefined);
    const { words, now, locale } = this.#app;
    const said = words.done.snooze(rows.length, moment(until, now, locale));
    await this.#do(rows, { do: 'snooze', until }, { do: 'snooze', until: 0 }, said, true);
  }

  async wake(rows: readonly RowView[]): Promise<void> {
    const said = this.#app.words.done.wake(rows.length);
    const until = rows[0]?.snoozed_until ?? null;
    const back: MarkChange | null = until === null ? null : { do: 'snooze', until };
    await this.#do(rows, { do: 'snooze', until: 0 }, back, said, true);
  }

  async markAllRead(): Promise<void> {
    const account = this.#app.chosen;
    if (!account) return;
    const unread = this.rows.filter((row) => row.unread && (!this.category || row.category === this.category));
    const ids = unread.slice(0, MARKS_MAX).map((row) => row.id);
    const done = await this.#app.attempt(() => ask('mark_all_read', { account, category: this.category }));
    // Only what was seen can be taken back whole; of more than that the person is not promised it.
    const back = unread.length <= MARKS_MAX && this.isWhole ? () => this.#mark(ids, { do: 'unread' }) : undefined;
    if (done) this.#app.say(this.#app.words.done.allRead, 'plain', back);
  }

  async acknowledge(id: string): Promise<void> {
    const account = this.#app.chosen;
    if (account) await this.#app.attempt(() => ask('acknowledge', { account, id }));
  }

  async #do(
    rows: readonly RowView[],
    change: MarkChange,
    back: MarkChange | null,
    said: string,
    leaves = false,
  ): Promise<void> {
    const account = this.#app.chosen;
    const ids = rows.map((row) => row.id);
    if (!account || ids.length === 0) return;
    if (leaves) this.#stepOff(new Set(ids));
    const done = await this.#app.attempt(() => this.#mark(ids, change));
    if (!done) return;
    this.clearSelection();
    this.#app.say(said, 'plain', back ? () => this.#mark(ids, back) : undefined);
  }

  /** The keyboard goes on to the next row that stays. */
  #stepOff(leaving: ReadonlySet<string>): void {
    if (this.opened && leaving.has(this.opened)) this.shut();
    if (!this.focused || !leaving.has(this.focused)) return;
    const focused = this.rows.find((row) => row.id === this.focused);
    const at = focused ? placeOf(this.rows, focused) : 0;
    const stays = (row: RowView) => !leaving.has(row.id);
    const next = this.rows.slice(at).find(stays) ?? this.rows.slice(0, at).findLast(stays);
    this.focused = next?.id ?? null;
  }

  async #mark(ids: readonly string[], change: MarkChange): Promise<void> {
    const account = this.#app.chosen;
    if (!account) return;
    for (let at = 0; at < ids.length; at += MARKS_MAX) {
      await ask('mark', { account, ids: ids.slice(at, at + MARKS_MAX), change });
    }
  }
}
