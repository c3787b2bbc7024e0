// Pushes to this browser: on and off. Everything else on the page works without script.
"use strict";

const button = document.getElementById("browser");
const state = document.getElementById("browser-state");
const says = button.dataset;
const CACHE = "tidings";

// The worker lives longer than the page: what it needs to know is kept where both can read it.
const place = () => new URL(says.scope + "link", location.href).href;
async function remember(base) {
    const cache = await caches.open(CACHE);
    await cache.put(place(), new Response(base));
}
async function forget() {
    const cache = await caches.open(CACHE);
    await cache.delete(place());
}
async function remembered() {
    const cache = await caches.open(CACHE);
    const found = await cache.match(place());
    return found ? await found.text() : null;
}

async function call(method, subscription) {
    const answer = await fetch(says.base + "/subscription", {
        method,
        headers: { "content-type": "application/json" },
        body: JSON.stringify(subscription),
    });
    if (!answer.ok) throw new Error("the relay answered " + answer.status);
}

async function registration() {
    const found = await navigator.serviceWorker.register(says.worker, { scope: says.scope, updateViaCache: "none" });
    const worker = found.active || found.waiting || found.installing;
    if (worker.state !== "activated") {
        await new Promise((resolve) => {
            worker.addEventListener("statechange", () => worker.state === "activated" && resolve());
        });
    }
    return found;
}

async function subscribe(found) {
    const options = { userVisibleOnly: true, applicationServerKey: says.key };
    try {
        return await found.pushManager.subscribe(options);
    } catch (error) {
        if (error.name !== "InvalidStateError") throw error;
        // It was made with another key, as after a relay was set up anew.
        const old = await found.pushManager.getSubscription();
        await old.unsubscribe();
        return await found.pushManager.subscribe(options);
    }
}

async function turnOn() {
    if ((await Notification.requestPermission()) !== "granted") return "denied";
    const found = await registration();
    const subscription = await subscribe(found);
    await call("PUT", subscription);
    await remember(says.base);
    return "on";
}

async function turnOff() {
    const found = await navigator.serviceWorker.getRegistration(says.scope);
    const subscription = found && (await found.pushManager.getSubscription());
    if (subscription) {
        await call("DELETE", subscription);
        await subscription.unsubscribe();
    }
    await forget();
    return "off";
}

// It is on if this browser has a subscription and it is this recipient's.
async function look() {
    const found = await navigator.serviceWorker.getRegistration(says.scope);
    const subscription = found && (await found.pushManager.getSubscription());
    return subscription && (await remembered()) === says.base ? "on" : "off";
}

let is_on = false;
function show(word) {
    if (word === "on" || word === "off") is_on = word === "on";
    state.textContent = says[word];
    state.dataset.state = word;
    button.textContent = is_on ? says.stop : says.subscribe;
    button.disabled = false;
}

async function turn() {
    // Focus stays: a button that is off for a moment loses it in some browsers.
    if (state.dataset.state === "wait") return;
    state.dataset.state = "wait";
    state.textContent = says.wait;
    try {
        show(is_on ? await turnOff() : await turnOn());
    } catch (error) {
        console.warn("pushes to this browser", error);
        show(Notification.permission === "denied" ? "denied" : "failed");
    }
}

const can = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window && "caches" in window;
if (can) {
    button.addEventListener("click", turn);
    look()
        .then(show, () => show("off"))
        .finally(() => (button.hidden = false));
} else {
    state.textContent = says.cannot;
}

// What the form before did is read out, and Tab goes on from there.
const done = document.getElementById("done");
if (done) done.focus();
