// Made-up settings of a made-up shop.

import type { CategoryView, SettingsView } from '../contract';

function category(id: string, name: string, legal: CategoryView['legal'], channels: string[]): CategoryView {
  const basis = { essential: 'none', service: 'contract', marketing: 'consent' }[legal];
  return { id, name, legal, basis, channels, chosen: Object.fromEntries(channels.map((channel) => [channel, true])), consent: {} };
}

export function settings(): SettingsView {
  return {
    time_zone: 'Europe/Berlin',
    locale: 'en',
    categories: [
      category('security', 'Security', 'essential', ['inapp', 'push', 'email']),
      category('general', 'General', 'service', ['inapp', 'push']),
      category('orders', 'Orders', 'service', ['inapp', 'push']),
      category('payments', 'Payments', 'service', ['inapp', 'push', 'sms']),
      category('cart', 'Your cart', 'marketing', ['inapp', 'push']),
      category('promotions', 'Offers', 'marketing', ['email']),
    ],
    policy: {
      version: '2026-11',
      url: 'https://shop.example/privacy',
      text: 'We write to you about things that you left in the cart and about offers that fit what you bought. We keep what you opened for 90 days to write less often. Nobody else gets it.',
    },
    quiet_hours: { spans: [{ from: '22:00', to: '08:00', days: null }], time_zone: null },
    paused_until: null,
  };
}
