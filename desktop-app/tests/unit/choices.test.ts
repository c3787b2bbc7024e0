// What a person chooses reaches the Rust side, as it was meant.

import { fireEvent, within } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { open, screen, waitFor } from './window';

const row = async (title: string): Promise<Element> => (await screen.findAllByText(title))[0]!.closest('[role=row]')!;

async function opened(title: string) {
  const carrier = await open();
  await fireEvent.click(await row(title));
  await screen.findByText('Why did I get this?');
  return carrier;
}

async function preferences(query = 'language=en') {
  const carrier = await open(query);
  await fireEvent.click(screen.getByRole('button', { name: 'Preferences' }));
  await screen.findByRole('heading', { name: 'Categories and channels' });
  return carrier;
}

test('whether it was of use is told as it was said', async () => {
  const carrier = await opened('Order 1042 is on its way');
  await fireEvent.click(screen.getByRole('button', { name: 'Not useful' }));
  await screen.findByText('Thank you. The sender is told.');
  expect(carrier.of('feedback')).toEqual([{ account: 'a1', id: 'n0000010', useful: false }]);
});

test('the link is followed, and a button of the sender is carried out', async () => {
  const carrier = await opened('Order 1042 is on its way');
  await fireEvent.click(screen.getByRole('button', { name: 'Open. Leads to shop.example' }));
  expect(carrier.of('follow')).toEqual([{ account: 'a1', id: 'n0000010' }]);
  await fireEvent.click(screen.getByRole('button', { name: 'Track' }));
  expect(carrier.of('act')).toEqual([{ account: 'a1', id: 'n0000010', action: 'track' }]);
});

test('less of it keeps the inbox and takes the other channels, and can be taken back', async () => {
  const carrier = await opened('Order 1042 is on its way');
  await fireEvent.click(screen.getByText('Why did I get this?'));
  await fireEvent.click(screen.getByText('Less of this'));
  await screen.findByText('“Orders” stays in the inbox only');
  const asked = carrier.of('set_preference');
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.every(({ category, channel, chosen }) => category === 'orders' && channel !== 'inapp' && channel !== null && chosen === false)).toBe(true);
  await fireEvent.click(screen.getByRole('button', { name: 'Undo' }));
  await waitFor(() => expect(carrier.of('set_preference').at(-1)).toMatchObject({ category: 'orders', chosen: true }));
});

test('every decision is told by the relay, in order; offline it says that it cannot be', async () => {
  const carrier = await opened('Order 1042 is on its way');
  await fireEvent.click(screen.getByText('Why did I get this?'));
  carrier.failing.set('story', { code: 'offline', detail: '' });
  await fireEvent.click(screen.getByText('Show every decision'));
  await screen.findByText(/it is not reachable now/);
  carrier.failing.clear();
  await fireEvent.click(screen.getByText('Try again'));
  const first = await screen.findByText('The rule “order_shipped” is for you');
  expect([...first.closest('ol')!.children].at(-1)?.textContent).toContain('Displayed on this device');
});

test('marking all as read keeps to the category that is shown', async () => {
  const carrier = await open();
  await screen.findByText('Backup finished');
  await fireEvent.click(within(screen.getByRole('navigation')).getByText('Orders'));
  await waitFor(() => expect(screen.queryByText('Backup finished')).toBeNull());
  await row('订单 1042 已确认');
  await fireEvent.click(screen.getByRole('button', { name: 'Mark all as read' }));
  await waitFor(() => expect(carrier.of('mark_all_read')).toEqual([{ account: 'a1', category: 'orders' }]));
  await fireEvent.click(await screen.findByRole('button', { name: 'Undo' }));
  await waitFor(() => expect(carrier.of('mark').at(-1)).toMatchObject({ change: { do: 'unread' } }));
});

test('shift selects a stretch', async () => {
  await open();
  await fireEvent.click((await row('Order 1042 is on its way')).querySelector('input')!);
  (await row('Order 1042 is on its way') as HTMLElement).focus();
  await fireEvent.click(await row('订单 1042 已确认'), { shiftKey: true });
  await screen.findByText('4 selected');
});

test('sound, rows, movement and the start with the session are set', async () => {
  const carrier = await preferences();
  await fireEvent.click(screen.getByLabelText('Sound with popups'));
  await waitFor(() => expect(carrier.of('set_local').at(-1)).toMatchObject({ local: { silent: true } }));
  await fireEvent.change(screen.getByLabelText('Rows'), { target: { value: 'compact' } });
  await waitFor(() => expect(carrier.of('set_local').at(-1)).toMatchObject({ local: { density: 'compact' } }));
  await fireEvent.click(screen.getByLabelText('Less movement'));
  await waitFor(() => expect(document.documentElement.dataset['motion']).toBe('less'));
  expect(carrier.of('set_local').at(-1)).toMatchObject({ local: { less_motion: true } });
  await fireEvent.click(screen.getByLabelText('Start when I sign in to this computer'));
  expect(carrier.of('set_autostart')).toEqual([{ on: true }]);
});

test('a pause is begun and ended', async () => {
  const carrier = await preferences();
  const began = Date.now();
  await fireEvent.click(screen.getByRole('button', { name: 'For an hour' }));
  const until = Number(carrier.of('pause')[0]?.['until']);
  expect(until - began).toBeGreaterThan(3_590_000);
  expect(until - began).toBeLessThan(3_660_000);
  await fireEvent.click((await screen.findAllByRole('button', { name: 'End the pause' }))[0]!);
  await waitFor(() => expect(carrier.of('pause').at(-1)).toEqual({ account: 'a1', until: null }));
});

test('another device is signed out, this one is not offered', async () => {
  const carrier = await preferences();
  expect(screen.queryByRole('button', { name: 'Remove: linux' })).toBeNull();
  await fireEvent.click(await screen.findByRole('button', { name: 'Remove: android' }));
  expect(carrier.of('remove_device')).toEqual([{ account: 'a1', id: 'd2' }]);
});

test('an export says where it is; nothing is deleted before it was said what', async () => {
  const carrier = await preferences();
  await fireEvent.click(screen.getByRole('button', { name: 'Export my data' }));
  await screen.findByText('Saved as Downloads/tidings-alice.json');
  await fireEvent.click(screen.getByRole('button', { name: 'Delete my data' }));
  await screen.findByText(/It cannot be undone/);
  expect(carrier.of('erase')).toEqual([]);
  await fireEvent.click(screen.getByRole('button', { name: 'Delete everything' }));
  expect(carrier.of('erase')).toEqual([{ account: 'a1' }]);
});

test('signing out may delete what is here', async () => {
  const carrier = await preferences();
  await fireEvent.click(screen.getByRole('button', { name: 'Sign out' }));
  await fireEvent.click(await screen.findByText('Sign out and delete it here'));
  expect(carrier.of('sign_out')).toEqual([{ account: 'a1', keep: false }]);
});

test('a popup that the desktop did not show is the step that failed', async () => {
  const carrier = await preferences();
  // The made-up relay says that it was shown; this desktop has another opinion.
  const told = carrier.tell;
  carrier.tell = () => {};
  await fireEvent.click(screen.getByRole('button', { name: 'Send me a test' }));
  await waitFor(() => expect(carrier.of('send_test')).toHaveLength(1));
  told({ kind: 'popup', account: 'a1', notification: 't1', problem: { code: 'no_popups', detail: '' } });
  await screen.findByText(/notification service did not take it/, {}, { timeout: 5_000 });
});

test('a moved time zone is said, and the page says its language', async () => {
  const carrier = await open('language=de');
  await screen.findByText('Backup finished');
  expect(document.documentElement.lang).toMatch(/^de/);
  carrier.tell({ kind: 'zone_moved', account: 'a1', from: 'Europe/Berlin', to: 'Asia/Shanghai' });
  await screen.findByText(/Asia\/Shanghai/);
});

test('the policy can be read whole', async () => {
  const carrier = await open();
  await screen.findByText('Backup finished');
  await fireEvent.click(screen.getByRole('button', { name: 'Choose' }));
  await fireEvent.click(await screen.findByRole('button', { name: 'Read the whole policy' }));
  expect(String(carrier.of('open_link')[0]?.['link'])).toMatch(/^https:/);
});
