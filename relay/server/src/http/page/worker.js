// Shows pushes while no page is open. A push without words says only which notification to look at, and one with some of
// them says that there are more: they are fetched from the relay, with the link that the page left here. What was shown
// and clicked is told to the relay the same way.
"use strict";

const CACHE = "tidings";
/** How long the words may take, in milliseconds: a browser ends a worker that shows nothing. */
const FETCH_MILLIS = 8000;
const NEUTRAL = { en: "New notification", zh: "您有新通知", de: "Neue Benachrichtigung" };

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("push", (event) => event.waitUntil(present(read(event.data))));
self.addEventListener("notificationclick", (event) => event.waitUntil(open(event.notification)));
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));

function read(data) {
    try {
        const pushed = data.json();
        return pushed && pushed.tidings === 1 ? pushed : {};
    } catch {
        return {};
    }
}

async function base() {
    const cache = await caches.open(CACHE);
    const found = await cache.match(self.registration.scope + "link");
    return found ? await found.text() : null;
}

async function words(pushed, base) {
    const whole = pushed.title && !pushed.more;
    if (whole || !pushed.notification || !base) return pushed;
    try {
        const url = `${base}/notifications/${encodeURIComponent(pushed.notification)}`;
        const answer = await fetch(url, { signal: AbortSignal.timeout(FETCH_MILLIS) });
        return answer.ok ? { ...pushed, ...(await answer.json()) } : pushed;
    } catch {
        return pushed;
    }
}

// Browsers ask that each push shows something, even one whose words cannot be had any more.
async function present(pushed) {
    const from = await base();
    const said = await words(pushed, from);
    const language = (navigator.language || "en").split("-")[0];
    await self.registration.showNotification(said.title || NEUTRAL[language] || NEUTRAL.en, {
        body: said.body || "",
        tag: said.collapse || said.notification || "tidings",
        renotify: Boolean(said.collapse || said.notification),
        data: { link: said.link || null, page: from, notification: said.notification || null },
    });
    // The neutral text is not the notification.
    if (said.title) await tell("displayed", said.notification, from);
}

// Nobody waits for it, and nothing depends on it: a relay that does not answer now is not asked again.
async function tell(receipt, notification, from) {
    if (!notification || !from) return;
    try {
        const subscription = await self.registration.pushManager.getSubscription();
        if (!subscription) return;
        await fetch(`${from}/notifications/${encodeURIComponent(notification)}/receipts`, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ receipt, subscription }),
            signal: AbortSignal.timeout(FETCH_MILLIS),
        });
    } catch (error) {
        console.warn("a receipt", error);
    }
}

async function open(notification) {
    notification.close();
    const { link, page, notification: id } = notification.data || {};
    const is_web = typeof link === "string" && /^https?:\/\//i.test(link);
    const url = is_web ? link : page;
    // A window may be opened only at once after the click.
    const opened = url ? self.clients.openWindow(url) : null;
    await tell("clicked", id, page);
    await opened;
}

// The push service gave this browser another address.
async function renew(event) {
    const from = await base();
    const old = event.oldSubscription;
    const key = old && old.options && old.options.applicationServerKey;
    if (!from || !key) return;
    const subscription =
        event.newSubscription ||
        (await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
    await fetch(from + "/subscription", {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(subscription),
    });
}
