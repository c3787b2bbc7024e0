import { fireEvent, within } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { faults, open, screen, waitFor } from './window';

test('who has no account is asked for a link; a code asks for the relay too', async () => {
  const carrier = await open('language=en&first');
  const field = screen.getByLabelText('Link or code');
  expect(screen.queryByLabelText('Address of the relay')).toBeNull();
  await fireEvent.input(field, { target: { value: 'K7QF92MX' } });
  await fireEvent.input(screen.getByLabelText('Address of the relay'), { target: { value: 'relay.example' } });
  expect(await faults()).toEqual([]);
  await fireEvent.click(screen.getByRole('button', { name: 'Connect' }));
  await screen.findByText('Backup finished');
  expect(carrier.of('connect')).toEqual([{ link: 'K7QF92MX', relay: 'relay.example', secret: 'keychain', account: null }]);
});

test('a broken link says that it is one', async () => {
  await open('language=en&first');
  await fireEvent.input(screen.getByLabelText('Link or code'), { target: { value: 'https://shop.example' } });
  await fireEvent.click(screen.getByRole('button', { name: 'Connect' }));
  await screen.findByText('This is not a connect link or a code.');
});

test('without a keychain the person chooses, between two equal buttons', async () => {
  const carrier = await open('language=en&first', ({ failing }) => failing.set('connect', { code: 'no_keychain', detail: '' }));
  await fireEvent.input(screen.getByLabelText('Link or code'), { target: { value: 'tidings://connect?relay=a&code=b' } });
  await fireEvent.click(screen.getByRole('button', { name: 'Connect' }));
  const file = await screen.findByRole('button', { name: 'Keep the key in a file' });
  expect(file.className).toBe(screen.getByRole('button', { name: 'Try again' }).className);
  expect(await faults()).toEqual([]);
  carrier.failing.clear();
  await fireEvent.click(file);
  await screen.findByText('Backup finished');
  expect(carrier.of('connect').map(({ secret }) => secret)).toEqual(['keychain', 'file']);
});

test('a link from elsewhere connects only when the person says so', async () => {
  const carrier = await open();
  await screen.findByText('Backup finished');
  carrier.tell({ kind: 'connect', link: 'tidings://connect?relay=https://evil.example&code=A', relay: 'https://evil.example' });
  await screen.findByText('A link wants to connect this app to https://evil.example.');
  expect(carrier.of('connect')).toEqual([]);
});

test('consent is asked with equal buttons and nothing chosen, after the inbox', async () => {
  const carrier = await open();
  await screen.findByText('Backup finished');
  await fireEvent.click(screen.getByRole('button', { name: 'Choose' }));
  const cart = within(await screen.findByRole('group', { name: 'Your cart by Push' }));
  const [agree, refuse] = [cart.getByRole('button', { name: 'Agree' }), cart.getByRole('button', { name: 'No, thanks' })];
  expect(agree.className).toBe(refuse.className);
  expect([agree, refuse].map((button) => button.getAttribute('aria-pressed'))).toEqual(['false', 'false']);
  expect(screen.getByText(/We keep what you opened for 90 days/)).toBeTruthy();
  expect(await faults()).toEqual([]);
  await fireEvent.click(refuse);
  expect(carrier.of('decide_consent')).toEqual([{ account: 'a1', category: 'cart', channels: ['push'], granted: false }]);
  await waitFor(() => expect(refuse.getAttribute('aria-pressed')).toBe('true'));
});

test('all of it can be refused with one click, as it can be agreed to', async () => {
  const carrier = await open();
  await screen.findByText('Backup finished');
  await fireEvent.click(screen.getByRole('button', { name: 'Choose' }));
  const [agree, refuse] = [screen.getByRole('button', { name: 'Agree to all' }), screen.getByRole('button', { name: 'Refuse all' })];
  expect(agree.className).toBe(refuse.className);
  await fireEvent.click(refuse);
  await waitFor(() => expect(carrier.of('decide_consent')).toHaveLength(2));
  expect(carrier.of('decide_consent').every(({ granted }) => granted === false)).toBe(true);
});

async function preferences(query = 'language=en') {
  const carrier = await open(query);
  await fireEvent.click(screen.getByRole('button', { name: 'Preferences' }));
  await screen.findByRole('heading', { name: 'Categories and channels' });
  return carrier;
}

test('a category is switched off on one channel; essential ones stay on; consent is not given by a switch', async () => {
  const carrier = await preferences();
  await fireEvent.click(screen.getByRole('switch', { name: 'Orders by Push' }));
  expect(carrier.of('set_preference')).toEqual([{ account: 'a1', category: 'orders', channel: 'push', chosen: false }]);
  expect((screen.getByRole('switch', { name: 'Security by Push' }) as HTMLInputElement).disabled).toBe(true);
  expect(screen.queryByRole('switch', { name: 'Offers by Mail' })).toBeNull();
  expect(await faults()).toEqual([]);
});

test('quiet hours are the person’s own, with days', async () => {
  const carrier = await preferences();
  const hours = within(screen.getByRole('group', { name: 'Quiet hours 1' }));
  await fireEvent.click(hours.getByRole('button', { name: 'Sun' }));
  expect(carrier.of('set_quiet_hours')).toEqual([
    { account: 'a1', quiet_hours: { spans: [{ from: '22:00', to: '08:00', days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat'] }], time_zone: null } },
  ]);
});

test('what is not confirmed says so, offline', async () => {
  await preferences('language=en&state=offline');
  await screen.findByText(/needs the relay, which is not reachable/);
  expect((await screen.findAllByText('not confirmed yet')).length).toBeGreaterThan(0);
});

test('a test is followed step by step', async () => {
  await preferences();
  await fireEvent.click(screen.getByRole('button', { name: 'Send me a test' }));
  const steps = await screen.findByText('The relay took it');
  await waitFor(() => expect(steps.closest('ol')!.querySelectorAll('.done')).toHaveLength(3), { timeout: 5_000 });
});

test('a test that does not reach the relay says which step failed and what to do', async () => {
  await preferences('language=en&state=offline');
  await fireEvent.click(screen.getByRole('button', { name: 'Send me a test' }));
  await screen.findByText('The relay was not reached. Check the network, then try again.');
});

test('an inbox that takes its time shows where the rows will be, and says that it is loading', async () => {
  await open('language=en&state=waiting');
  expect((await screen.findByText('Loading…')).closest('[role=status]')).not.toBeNull();
  expect(document.querySelectorAll('.waiting .shape[aria-hidden=true]').length).toBeGreaterThan(4);
  expect(screen.queryByText('Choose a notification to read it here.')).toBeNull();
  expect(await faults()).toEqual([]);
});

test('an inbox that cannot be read says so, and is read on request', async () => {
  const carrier = await open('language=en', ({ failing }) => failing.set('page', { code: 'storage_failed', detail: '' }));
  expect((await screen.findByText('The folder of the inbox cannot be used.')).closest('[role=alert]')).not.toBeNull();
  expect(screen.queryByText('Up to date')).toBeNull();
  expect(await faults()).toEqual([]);
  carrier.failing.clear();
  await fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  await screen.findByText('Backup finished');
  await screen.findByText('Up to date');
});

test('signing out asks what stays here', async () => {
  const carrier = await preferences();
  await fireEvent.click(screen.getByRole('button', { name: 'Sign out' }));
  await fireEvent.click(await screen.findByText('Sign out, keep the inbox readable'));
  expect(carrier.of('sign_out')).toEqual([{ account: 'a1', keep: true }]);
});

test('a newer version is announced with a link, and said no more after "not now"', async () => {
  const carrier = await open('language=en&newer');
  await screen.findByText('Tidings 0.2.0 is available.');
  expect(await faults()).toEqual([]);
  await fireEvent.click(screen.getByRole('button', { name: 'Look at it' }));
  expect(carrier.of('open_link')).toEqual([{ link: 'https://shop.example/tidings' }]);
  await fireEvent.click(screen.getByRole('button', { name: 'Not now' }));
  await waitFor(() => expect(screen.queryByText('Tidings 0.2.0 is available.')).toBeNull());
  expect(carrier.of('set_local').at(-1)).toMatchObject({ local: { passed_version: '0.2.0' } });
  await fireEvent.click(screen.getByRole('button', { name: 'Preferences' }));
  await screen.findByRole('button', { name: '0.2.0 is available at shop.example' });
  // A yet newer one is news again.
  carrier.tell({ kind: 'newer', newer: { version: '0.3.0', url: 'https://shop.example/tidings' } });
  await screen.findByText('Tidings 0.3.0 is available.');
  carrier.tell({ kind: 'newer', newer: null });
  await waitFor(() => expect(screen.queryByText('Tidings 0.3.0 is available.')).toBeNull());
});

test('the language and the theme change at once', async () => {
  const carrier = await preferences();
  await fireEvent.change(screen.getByLabelText('Language'), { target: { value: 'zh' } });
  await screen.findByRole('heading', { name: '类别与渠道' });
  await fireEvent.change(screen.getByLabelText('主题'), { target: { value: 'dark' } });
  await waitFor(() => expect(document.documentElement.dataset['theme']).toBe('dark'));
  expect(carrier.of('set_local').at(-1)).toMatchObject({ local: { language: 'zh', theme: 'dark' } });
  expect(await faults()).toEqual([]);
});
