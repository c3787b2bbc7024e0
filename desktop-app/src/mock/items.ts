// Made-up notifications. The same number always makes the same one.

import type { ItemView, RowView } from '../contract';

const MINUTE = 60_000;

interface Sample {
  category: string;
  title: string;
  body: string;
  priority?: RowView['priority'];
  link?: string;
  actions?: ItemView['actions'];
  awaits?: boolean;
  why: string;
  rule: string | null;
  event: string | null;
}

const track = { id: 'track', label: 'Track', leads_out: true, acknowledges: false };
const take = { id: 'take', label: 'I take it', leads_out: false, acknowledges: true };

const samples: Sample[] = [
  { category: 'orders', title: 'Order 1042 is on its way', body: 'Your reading lamp left the warehouse this morning. It arrives tomorrow between 9 and 12.', link: 'https://shop.example/o/1042', actions: [track], why: 'You ordered something and it was shipped', rule: 'order_shipped', event: 'order.shipped' },
  { category: 'payments', title: 'Payment of order 1039 failed', body: 'The card was declined twice. The order is kept until 18:00; after that it is cancelled.', priority: 'urgent', awaits: true, actions: [take], why: 'You are on call for payments', rule: 'payment_failed', event: 'payment.failed' },
  { category: 'general', title: 'Backup finished', body: '', why: 'Sent to you directly', rule: null, event: null },
  { category: 'orders', title: '订单 1042 已确认', body: '2 件，€ 30.00。预计明天送达。', link: 'https://shop.example/o/1042', why: '您下了订单', rule: 'order_placed', event: 'order.placed' },
  { category: 'security', title: 'New sign-in from Hamburg', body: 'Somebody signed in to your account with the right password from a computer that we did not know. If it was you, there is nothing to do. If it was not, change the password now.', priority: 'high', link: 'https://shop.example/security', why: 'Security notices are always sent', rule: 'sign_in', event: 'account.signed_in' },
  { category: 'cart', title: 'A chair is waiting in your cart', body: 'It is one of the last three.', priority: 'low', link: 'https://shop.example/cart', why: 'You left something in the cart', rule: 'cart_reminder', event: 'cart.abandoned' },
  { category: 'orders', title: '3 parcels delivered', body: '1031  1035  1036\nAll of them were signed for at the front desk.', why: 'Parcels of yours were signed for', rule: 'order_signed_for', event: 'order.signed_for' },
  { category: 'general', title: 'تم تسليم الطلب 1030', body: 'وصل طلبك إلى الاستقبال.', why: 'Sent to you directly', rule: null, event: null },
  { category: 'general', title: '<b>Not markup</b> & <script>alert(1)</scr' + 'ipt>', body: 'What a sender writes is shown as text, whatever it looks like.', why: 'Sent to you directly', rule: null, event: null },
  { category: 'orders', title: 'A title that is far too long for the line that it has been given, because whoever wrote it did not know how narrow a list can be on a small screen', body: 'The rest of it is here.', why: 'You ordered something', rule: 'order_placed', event: 'order.placed' },
];

/** The notification of a number; 0 is the newest. */
export function made(number: number, now: number, total: number): ItemView {
  const sample = samples[number % samples.length] ?? samples[0]!;
  const id = `n${String(total - number).padStart(7, '0')}`;
  const created_at = now - number * (total > 1_000 ? 7 : 197) * MINUTE - 4 * MINUTE;
  const read_at = number < 3 || number % 11 === 4 ? null : created_at + 5 * MINUTE;
  return {
    row: {
      id,
      place: `${created_at}.${id}`,
      category: sample.category,
      title: total > 1_000 ? `${sample.title} · ${total - number}` : sample.title,
      preview: sample.body.replaceAll('\n', ' '),
      priority: sample.priority ?? 'normal',
      unread: read_at === null,
      archived: false,
      snoozed_until: null,
      awaits_acknowledgement: (sample.awaits ?? false) && number < 12,
      created_at,
    },
    body: sample.body,
    link: sample.link ?? null,
    actions: sample.actions ?? [],
    because: { text: sample.why, rule: sample.rule, event_type: sample.event },
    read_at,
    acknowledged_at: sample.awaits && number >= 12 ? created_at + 9 * MINUTE : null,
    expires_at: created_at + 86_400_000,
  };
}
