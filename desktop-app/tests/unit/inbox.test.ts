import { fireEvent } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { faults, open, press, screen, waitFor } from './window';

const row = (title: string) => screen.findByText(title).then((found) => found.closest('[role=row]')!);

test('notifications stand under their days, and the unread ones say so', async () => {
  await open();
  const first = await row('Order 1042 is on its way');
  expect(first.textContent).toContain('unread');
  expect(screen.getByText('Today')).toBeTruthy();
  expect(await faults()).toEqual([]);
});

test('opening one shows it, marks it read and says what is looked at', async () => {
  const carrier = await open();
  await fireEvent.click(await row('Backup finished'));
  expect((await screen.findByRole('heading', { level: 1, name: 'Backup finished' })).textContent).toBe('Backup finished');
  await waitFor(() => expect(carrier.of('mark')).toEqual([{ account: 'a1', ids: ['n0000008'], change: { do: 'read' } }]));
  expect(await faults()).toEqual([]);
});

test('what a sender writes is text', async () => {
  await open();
  const title = '<b>Not markup</b> & <script>alert(1)</scr' + 'ipt>';
  expect((await row(title)).querySelector('b, script')).toBeNull();
});

test('the keyboard goes through the list, archives, and takes back', async () => {
  const carrier = await open();
  await row('Order 1042 is on its way');
  press('j');
  press('j');
  press('e');
  await waitFor(() => expect(screen.queryByText('Payment of order 1039 failed')).toBeNull());
  expect(carrier.of('mark')).toEqual([{ account: 'a1', ids: ['n0000009'], change: { do: 'archive' } }]);
  await screen.findByText('Archived');
  press('z');
  await row('Payment of order 1039 failed');
  expect(carrier.of('mark').at(-1)).toEqual({ account: 'a1', ids: ['n0000009'], change: { do: 'unarchive' } });
});

test('what is typed into the search is no key of the list', async () => {
  const carrier = await open();
  await row('Order 1042 is on its way');
  press('j');
  const field = screen.getByRole('searchbox');
  for (const key of ['e', 'u', 'x', '?']) press(key, field);
  press('e', document.body);
  await waitFor(() => expect(carrier.of('mark')).toEqual([{ account: 'a1', ids: ['n0000010'], change: { do: 'archive' } }]));
  expect(document.querySelector('dialog[open]')).toBeNull();
});

test('u reads and unreads, x selects several, and both are marked at once', async () => {
  const carrier = await open();
  await row('Order 1042 is on its way');
  press('j');
  press('x');
  press('j');
  press('x');
  expect(await screen.findByRole('heading', { name: '2 selected' })).toBeTruthy();
  expect(await faults()).toEqual([]);
  press('u');
  await waitFor(() => expect(carrier.of('mark')).toHaveLength(1));
  expect(carrier.of('mark')[0]).toEqual({ account: 'a1', ids: ['n0000010', 'n0000009'], change: { do: 'read' } });
});

test('s offers times to sleep until, and what sleeps lies on its own shelf', async () => {
  const carrier = await open();
  await row('Order 1042 is on its way');
  press('j');
  press('s');
  await fireEvent.click(await screen.findByText('Tomorrow'));
  await waitFor(() => expect(screen.queryByText('Order 1042 is on its way')).toBeNull());
  expect(carrier.of('mark')[0]).toMatchObject({ ids: ['n0000010'], change: { do: 'snooze' } });
  await fireEvent.click(screen.getByRole('button', { name: 'Snoozed' }));
  await row('Order 1042 is on its way');
});

test('what is typed into the search stays there and finds', async () => {
  const carrier = await open();
  await row('Order 1042 is on its way');
  press('/');
  const field = screen.getByRole('searchbox');
  expect(document.activeElement).toBe(field);
  press('e', field);
  expect(carrier.of('mark')).toEqual([]);
  await fireEvent.input(field, { target: { value: 'hamburg' } });
  await waitFor(() => expect(screen.queryByText('Backup finished')).toBeNull());
  await screen.findByText('New sign-in from Hamburg');
  await fireEvent.input(field, { target: { value: 'nowhere at all' } });
  await screen.findByText('Nothing found');
});

test('what waits for an acknowledgement has its own button in the list and in the detail', async () => {
  const carrier = await open();
  const waiting = await row('Payment of order 1039 failed');
  await fireEvent.click(screen.getAllByRole('button', { name: 'Acknowledge: Payment of order 1039 failed' })[0]!);
  expect(carrier.of('acknowledge')).toEqual([{ account: 'a1', id: 'n0000009' }]);
  await waitFor(() => expect(waiting.querySelector('button')).toBeNull());
});

test('the sender’s own way to acknowledge stands in the place of the plain button', async () => {
  const carrier = await open();
  await fireEvent.click(await row('Payment of order 1039 failed'));
  await fireEvent.click(await screen.findByRole('button', { name: 'I take it' }));
  expect(carrier.of('act')).toEqual([{ account: 'a1', id: 'n0000009', action: 'take' }]);
  await screen.findByText(/You acknowledged it/);
});

test('why it came is told, and one click stops it and takes that back', async () => {
  const carrier = await open();
  await fireEvent.click(await row('Order 1042 is on its way'));
  await fireEvent.click(await screen.findByText('Why did I get this?'));
  expect(screen.getByText('You ordered something and it was shipped')).toBeTruthy();
  expect(await faults()).toEqual([]);
  await fireEvent.click(screen.getByText('Stop this'));
  expect(carrier.of('set_preference')).toEqual([{ account: 'a1', category: 'orders', channel: null, chosen: false }]);
  await screen.findByText('“Orders” is switched off');
  await fireEvent.click(screen.getByRole('button', { name: 'Undo' }));
  await waitFor(() => expect(carrier.of('set_preference').at(-1)).toMatchObject({ channel: null, chosen: true }));
});

test('what is essential cannot be stopped', async () => {
  await open();
  await fireEvent.click(await row('New sign-in from Hamburg'));
  await fireEvent.click(await screen.findByText('Why did I get this?'));
  expect(screen.queryByText('Stop this')).toBeNull();
  expect(screen.getByText(/cannot be switched off/)).toBeTruthy();
});

test('offline it says so, and how much waits', async () => {
  await open('language=en&state=offline');
  await screen.findByText('2 changes wait to be sent.');
  expect(screen.getByText(/^You are offline/)).toBeTruthy();
  expect(await faults()).toEqual([]);
});

test('an empty inbox is calm, a broken one says what to do', async () => {
  await open('language=en&empty');
  await screen.findByText('All quiet');
  expect(await faults()).toEqual([]);
});

test('a list that cannot be read says why and is tried again', async () => {
  const carrier = await open('language=en', ({ failing }) => failing.set('page', { code: 'storage_full', detail: 'no space' }));
  await screen.findByText(/The disk is full/);
  carrier.failing.clear();
  await fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  await row('Backup finished');
});

test('a popup that was clicked opens its notification', async () => {
  const carrier = await open();
  await row('Backup finished');
  carrier.tell({ kind: 'open', account: 'a1', notification: 'n0000008' });
  await screen.findByRole('heading', { level: 1, name: 'Backup finished' });
});

test('what the relay refused is said', async () => {
  const carrier = await open();
  await row('Backup finished');
  carrier.tell({ kind: 'refused', account: 'a1', code: 'stale', detail: '', asked: { kind: 'consent', category: 'cart', channels: [] } });
  await screen.findByText(/did not accept your consent, because the policy has changed/);
});

test('a long list is read on while it is scrolled', async () => {
  const carrier = await open('language=en&count=1200');
  await screen.findByText('Order 1042 is on its way · 1200');
  const drawn = document.querySelectorAll('[role=row][id]').length;
  expect(drawn).toBeLessThan(40);
  const frame = document.querySelector('[role=grid]')!.parentElement!;
  frame.scrollTop = 13_000;
  await fireEvent.scroll(frame);
  await waitFor(() => expect(carrier.of('page').some(({ after }) => after !== null)).toBe(true));
});

test('a search that takes its time is not begun anew by what happens meanwhile', async () => {
  const carrier = await open();
  await row('Backup finished');
  let release = () => {};
  carrier.gate = new Promise((resolve) => (release = resolve));
  await fireEvent.input(screen.getByRole('searchbox'), { target: { value: 'hamburg' } });
  const searches = () => carrier.of('page').filter(({ query }) => (query as { text: string | null }).text !== null);
  await waitFor(() => expect(searches()).toHaveLength(1));
  carrier.tell({ kind: 'changed', account: 'a1' });
  carrier.tell({ kind: 'changed', account: 'a1' });
  await screen.findByText('Searching…');
  expect(searches()).toHaveLength(1);
  release();
  await row('New sign-in from Hamburg');
  await waitFor(() => expect(searches()).toHaveLength(2));
});
