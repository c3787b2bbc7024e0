// Made from the Rust side by `UPDATE_CONTRACT=1 cargo test -p tidings-desktop --test contract`.

export type AccountView = {
  /** Its id in this app. */
  id: string,
  /** The relay's address. */
  relay: string,
  /** Whose inbox it is; none before the first sign-in. */
  recipient: string | null,
  /** How it stands with the relay. */
  connection: ConnectionView,
  /** Until when nothing is missing, in milliseconds; none if that is not known. */
  complete_as_of: number | null,
  /** Unread notifications. */
  unread: number,
  /** Unread notifications by category. */
  unread_by_category: { [key in string]: number },
  /** Operations that the relay has not answered. */
  pending: number,
  /** Whether a damaged inbox was set aside and is being fetched again. */
  repaired: boolean,
  /** Where its key is kept. */
  secret: SecretPlace,
  /** Why it could not be opened. */
  problem: Problem | null, };

export type ActionView = {
  /** The sender's id for it. */
  id: string,
  /** What it says. */
  label: string,
  /** Whether it leads out of the app. */
  leads_out: boolean,
  /** Whether it also acknowledges. */
  acknowledges: boolean, };

export type AppEvent = { "kind": "account",
  /** Which one. */
  account: string,
  /** Its view; none if it is gone. */
  view: AccountView | null, } | { "kind": "changed",
  /** Which account. */
  account: string, } | { "kind": "open",
  /** Which account. */
  account: string,
  /** Which notification; none for the inbox. */
  notification: string | null, } | { "kind": "connect",
  /** The link. */
  link: string,
  /** The relay it names, for people. */
  relay: string, } | { "kind": "refused",
  /** Which account. */
  account: string,
  /** The stable word. */
  code: string,
  /** Why, as a sentence. */
  detail: string,
  /** What was asked; none if it does not concern the person. */
  asked: PendingView | null, } | { "kind": "popup",
  /** Which account. */
  account: string,
  /** Which notification. */
  notification: string,
  /** Why it was not shown; none if it was. */
  problem: Problem | null, } | { "kind": "zone_moved",
  /** Which account. */
  account: string,
  /** The former zone. */
  from: string,
  /** The new one. */
  to: string, } | { "kind": "newer",
  /** The newest; none if none is newer than this one. */
  newer: NewerView | null, } | { "kind": "local" };

export type BecauseView = {
  /** A sentence for the recipient. */
  text: string,
  /** The rule that decided, if one did. */
  rule: string | null,
  /** The type of the event behind it. */
  event_type: string | null, };

export type CategoryView = {
  /** Its id. */
  id: string,
  /** Its name in the recipient's language. */
  name: string,
  /** Which law it falls under. */
  legal: "essential" | "service" | "marketing",
  /** `none`, `contract` or `consent`. */
  basis: string,
  /** The channels that it may use, in order. */
  channels: Array<string>,
  /** Whether the recipient wants it, by channel. */
  chosen: { [key in string]: boolean },
  /** What the recipient decided, by channel. */
  consent: { [key in string]: ConsentView }, };

export type Computer = {
  /** The version of this app. */
  version: string,
  /** The time zone of the system, by its IANA name. */
  time_zone: string | null,
  /** Whether the app has a place in the tray. */
  tray: boolean,
  /** Whether the app starts when the person signs in to the computer. */
  autostart: boolean,
  /** A newer version of this app, if a relay offers one. */
  newer: NewerView | null, };

export type ConnectionView = { "state": "live" } | { "state": "catching_up" } | { "state": "offline",
  /** Since when. */
  since: number | null,
  /** When the next try is. */
  next_try: number | null, } | { "state": "signed_out",
  /** `no_credentials`, `unauthorized`, `revoked` or `erased`. */
  why: string, };

export type ConsentView = "granted" | "refused" | "withdrawn";

export type Density = "comfortable" | "compact";

export type DeviceView = {
  /** Its id. */
  id: string,
  /** What kind of device it is. */
  platform: string,
  /** When it signed in. */
  created_at: number,
  /** When it was last connected. */
  seen_at: number | null,
  /** Whether it is this one. */
  this: boolean, };

export type ItemView = {
  /** What the list shows of it. */
  row: RowView,
  /** What it says, in lines. */
  body: string,
  /** Where it leads; only what may be opened. */
  link: string | null,
  /** What can be done from it. */
  actions: Array<ActionView>,
  /** Why it came. */
  because: BecauseView,
  /** When it was read. */
  read_at: number | null,
  /** When it was acknowledged. */
  acknowledged_at: number | null,
  /** After this time it is not shown as a popup any more. */
  expires_at: number, };

export type Language = "system" | "en" | "de" | "zh";

export type ListQuery = {
  /** Only this category. */
  category: string | null,
  /** Only unread ones. */
  unread_only: boolean,
  /** Only those with all these words. */
  text: string | null,
  /** Where to look. */
  shelf: Shelf, };

export type LocalPreferences = {
  /** The language of the window. */
  language: Language,
  /** Light, dark or as the system has it. */
  theme: Theme,
  /** How much room a row takes. */
  density: Density,
  /** Whether movement is left out whatever the system says. */
  less_motion: boolean,
  /** Whether popups make no sound. */
  silent: boolean,
  /** Whether the person was told that closing the window minimises it. */
  told_closing: boolean,
  /** The newest version of the app that the person does not want to be told of any more. */
  passed_version: string | null, };

export type MarkChange = { "do": "read" } | { "do": "unread" } | { "do": "archive" } | { "do": "unarchive" } | { "do": "snooze",
  /** Until then; a time that has passed wakes it. */
  until: number, };

export type NewerView = {
  /** Its version. */
  version: string,
  /** The page to get it from. */
  url: string, };

export type Overview = {
  /** The accounts, in the order in which they were added. */
  accounts: Array<AccountView>,
  /** What the app remembers for itself. */
  local: LocalPreferences,
  /** What this computer can do. */
  computer: Computer, };

export type PageView = {
  /** The rows. */
  rows: Array<RowView>,
  /** Where the next page begins; none at the end. */
  next: string | null, };

export type PendingView = {
  /** Its kind: `receipt`, `mark`, `read_up_to`, `preference`, `quiet_hours`, `pause`, `profile`, `consent`,
  * `endpoint` or `feedback`. */
  kind: string,
  /** The category it is about, if it is about one. */
  category: string | null,
  /** The channels it is about; empty if it is about none or all. */
  channels: Array<string>, };

export type PolicyView = {
  /** Its version. */
  version: string,
  /** Where it can be read whole; only what may be opened. */
  url: string | null,
  /** Its text. */
  text: string, };

export type Problem = {
  /** The stable word. */
  code: string,
  /** Why, as a sentence in English. */
  detail: string, };

export type QuietHoursView = {
  /** The quiet spans of a week. */
  spans: Array<QuietSpanView>,
  /** An IANA zone; none means the recipient's. */
  time_zone: string | null, };

export type QuietSpanView = {
  /** Local time of day, `22:00`. */
  from: string,
  /** Local time of day; earlier than `from` means the next day. */
  to: string,
  /** On which days it begins (`mon` … `sun`); none means every day. */
  days: Array<string> | null, };

export type RowView = {
  /** The relay's id. */
  id: string,
  /** Its place in the list; a page may begin after it. */
  place: string,
  /** What it is about. */
  category: string,
  /** Its title, in one line. */
  title: string,
  /** The beginning of its body, in one line. */
  preview: string,
  /** `low`, `normal`, `high` or `urgent`. */
  priority: "low" | "normal" | "high" | "urgent",
  /** Whether it was not read yet. */
  unread: boolean,
  /** Whether it was archived. */
  archived: boolean,
  /** Until when it sleeps. */
  snoozed_until: number | null,
  /** Whether its sender still waits for an acknowledgement. */
  awaits_acknowledgement: boolean,
  /** When the relay made it. */
  created_at: number, };

export type SecretPlace = "keychain" | "file";

export type SettingsView = {
  /** The recipient's time zone at the relay. */
  time_zone: string | null,
  /** The recipient's language at the relay. */
  locale: string | null,
  /** Every category. */
  categories: Array<CategoryView>,
  /** What the sender says about consent. */
  policy: PolicyView | null,
  /** The recipient's own quiet hours; none means the sender's. */
  quiet_hours: QuietHoursView | null,
  /** Until when everything that may be paused is. */
  paused_until: number | null, };

export type Shelf = "inbox" | "snoozed" | "archive";

export type StoredView = {
  /** The folder. */
  folder: string,
  /** Bytes of the files in it. */
  bytes: number,
  /** Where the key that seals them is kept. */
  secret: SecretPlace, };

export type StoryLine = {
  /** When. */
  at: number | null,
  /** What kind of thing. */
  kind: string,
  /** Which check decided. */
  gate: string | null,
  /** The stable word for the reason. */
  reason: string | null,
  /** The relay's sentence for people. */
  text: string | null, };

export type StoryView = {
  /** Its state at the relay. */
  state: string,
  /** What happened, oldest first. */
  lines: Array<StoryLine>, };

export type Theme = "system" | "light" | "dark";

/** What the window may ask, and what it is answered. */
export interface Commands {
  overview: { ask: Record<string, never>; answer: Overview };
  missed: { ask: Record<string, never>; answer: Array<AppEvent> };
  connect: { ask: { link: string; relay: string | null; secret: SecretPlace; account: string | null }; answer: AccountView };
  retry: { ask: { account: string }; answer: null };
  sign_out: { ask: { account: string; keep: boolean }; answer: null };
  erase: { ask: { account: string }; answer: null };
  page: { ask: { account: string; query: ListQuery; after: string | null }; answer: PageView };
  item: { ask: { account: string; id: string }; answer: ItemView | null };
  mark: { ask: { account: string; ids: Array<string>; change: MarkChange }; answer: null };
  mark_all_read: { ask: { account: string; category: string | null }; answer: null };
  acknowledge: { ask: { account: string; id: string }; answer: null };
  act: { ask: { account: string; id: string; action: string }; answer: null };
  follow: { ask: { account: string; id: string }; answer: null };
  feedback: { ask: { account: string; id: string; useful: boolean }; answer: null };
  story: { ask: { account: string; id: string }; answer: StoryView };
  look_at: { ask: { account: string | null; id: string | null }; answer: null };
  settings: { ask: { account: string }; answer: SettingsView | null };
  pending: { ask: { account: string }; answer: Array<PendingView> };
  set_preference: { ask: { account: string; category: string; channel: string | null; chosen: boolean }; answer: null };
  decide_consent: { ask: { account: string; category: string; channels: Array<string>; granted: boolean }; answer: null };
  set_quiet_hours: { ask: { account: string; quiet_hours: QuietHoursView | null }; answer: null };
  pause: { ask: { account: string; until: number | null }; answer: null };
  devices: { ask: { account: string }; answer: Array<DeviceView> };
  remove_device: { ask: { account: string; id: string }; answer: null };
  send_test: { ask: { account: string }; answer: string };
  set_local: { ask: { local: LocalPreferences }; answer: null };
  set_autostart: { ask: { on: boolean }; answer: null };
  open_link: { ask: { link: string }; answer: null };
  export: { ask: { account: string }; answer: string };
  stored: { ask: { account: string }; answer: StoredView };
  quit: { ask: Record<string, never>; answer: null };
}

/** What the window is told without having asked. */
export type Told = AppEvent;

/** Why a command did not do what it says. */
export type Failure = Problem;
