//! Popups as a notification daemon gets them: a daemon of the test's own, on a bus of its own.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidings_desktop::{NativeScreen, Popup, PopupAnswer, PopupKey, Screen, Urgency};
use tokio::sync::mpsc;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, OwnedVariant, connection, interface};

/// The longest wait for anything, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);
/// notify-rust listens for answers only after a popup is shown; nobody clicks within this time.
const NOBODY_IS_THIS_FAST: Duration = Duration::from_millis(300);
const PATH: &str = "/org/freedesktop/Notifications";

/// What a daemon was asked to show.
#[derive(Clone, Debug, PartialEq)]
struct Notified {
    id: u32,
    replaces: u32,
    summary: String,
    body: String,
    actions: Vec<String>,
    urgency: u8,
    silent: bool,
    timeout: i32,
}

#[derive(Default)]
struct Daemon {
    notified: Arc<Mutex<Vec<Notified>>>,
    closed: Arc<Mutex<Vec<u32>>>,
    count: u32,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Daemon {
    #[expect(clippy::too_many_arguments, reason = "the specification of desktop notifications has them")]
    fn notify(
        &mut self,
        _app: &str,
        replaces: u32,
        _icon: &str,
        summary: String,
        body: String,
        actions: Vec<String>,
        mut hints: HashMap<String, OwnedVariant>,
        timeout: i32,
    ) -> u32 {
        if replaces == 0 {
            self.count += 1;
        }
        let id = if replaces == 0 { self.count } else { replaces };
        let mut hint = |name: &str| hints.remove(name);
        let urgency = hint("urgency").and_then(|value| u8::try_from(value).ok()).unwrap_or(1);
        let silent = hint("suppress-sound").and_then(|value| bool::try_from(value).ok()).unwrap_or(false);
        let notified = Notified { id, replaces, summary, body, actions, urgency, silent, timeout };
        self.notified.lock().expect("nobody panicked").push(notified);
        id
    }

    async fn close_notification(&self, id: u32, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        self.closed.lock().expect("nobody panicked").push(id);
        // 3: closed by a call.
        Self::notification_closed(&emitter, id, 3).await.expect("the signal goes out");
    }

    fn get_capabilities(&self) -> Vec<String> {
        ["actions", "body", "body-markup", "persistence"].map(str::to_owned).into()
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ("test".into(), "tidings".into(), "1".into(), "1.2".into())
    }

    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, action: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn notification_closed(emitter: &SignalEmitter<'_>, id: u32, reason: u32) -> zbus::Result<()>;
}

/// Says to a test that it runs on a bus of its own.
const ON_OWN_BUS: &str = "TIDINGS_TEST_BUS";

/// notify-rust asks for the session's bus, whose address belongs to the whole process. So each test runs once more, as
/// a process of its own on a bus of its own; true in there.
fn is_on_own_bus(test: &str) -> bool {
    if std::env::var_os(ON_OWN_BUS).is_some() {
        return true;
    }
    let mut bus = Command::new("dbus-daemon")
        .args(["--session", "--nofork", "--print-address"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("dbus-daemon runs");
    let mut address = String::new();
    let mut out = BufReader::new(bus.stdout.take().expect("it is piped"));
    out.read_line(&mut address).expect("it says its address");
    let this = std::env::current_exe().expect("a test has a path");
    let ran = Command::new(this)
        .args([test, "--exact", "--nocapture"])
        .env("DBUS_SESSION_BUS_ADDRESS", address.trim())
        .env(ON_OWN_BUS, "yes")
        .status();
    drop(bus.kill());
    drop(bus.wait());
    assert!(ran.expect("a test runs").success(), "see above");
    false
}

fn key(notification: &str) -> PopupKey {
    PopupKey { account: "a".into(), notification: Some(notification.into()) }
}

fn popup(notification: &str) -> Popup {
    Popup {
        key: key(notification),
        replaces: None,
        title: "Order <1>".into(),
        body: "is <b>paid</b> & packed".into(),
        urgency: Urgency::Normal,
        actions: vec![("track".into(), "Track".into())],
        stays: false,
        silent: false,
    }
}

/// A daemon, a screen, and what comes back from it.
struct Rig {
    daemon: Connection,
    notified: Arc<Mutex<Vec<Notified>>>,
    closed: Arc<Mutex<Vec<u32>>>,
    screen: Arc<NativeScreen>,
    answers: mpsc::Receiver<PopupAnswer>,
}

impl Rig {
    async fn start() -> Self {
        let daemon = Daemon::default();
        let (notified, closed) = (Arc::clone(&daemon.notified), Arc::clone(&daemon.closed));
        let bus = connection::Builder::session().name("org.freedesktop.Notifications");
        let bus = bus.serve_at(PATH, daemon);
        let daemon = bus.build().await.expect("the bus is there");
        let (sender, answers) = mpsc::channel(8);
        Self { daemon, notified, closed, screen: Arc::new(NativeScreen::new(sender)), answers }
    }

    /// Shows a popup as the app does: off the runtime's threads.
    async fn show(&self, popup: Popup) -> Notified {
        let screen = Arc::clone(&self.screen);
        tokio::task::spawn_blocking(move || screen.show(&popup))
            .await
            .expect("it ends")
            .expect("it is shown");
        tokio::time::sleep(NOBODY_IS_THIS_FAST).await;
        self.notified.lock().expect("nobody panicked").last().expect("the daemon has it").clone()
    }

    async fn withdraw(&self, key: PopupKey) {
        let screen = Arc::clone(&self.screen);
        tokio::task::spawn_blocking(move || screen.withdraw(&key)).await.expect("it ends");
    }

    /// Somebody chooses an action; the popup closes after it, as daemons do.
    async fn choose(&self, id: u32, action: &str) {
        let daemon = self.daemon.object_server().interface::<_, Daemon>(PATH).await.expect("it is served");
        Daemon::action_invoked(daemon.signal_emitter(), id, action).await.expect("the signal goes out");
        Daemon::notification_closed(daemon.signal_emitter(), id, 2).await.expect("the signal goes out");
    }

    /// Somebody sweeps it away.
    async fn sweep(&self, id: u32) {
        let daemon = self.daemon.object_server().interface::<_, Daemon>(PATH).await.expect("it is served");
        Daemon::notification_closed(daemon.signal_emitter(), id, 2).await.expect("the signal goes out");
    }

    async fn answer(&mut self) -> PopupAnswer {
        tokio::time::timeout(PATIENCE, self.answers.recv())
            .await
            .expect("in time")
            .expect("the screen is there")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_popup_says_what_was_written_and_a_click_comes_back() {
    if !is_on_own_bus("a_popup_says_what_was_written_and_a_click_comes_back") {
        return;
    }
    let mut rig = Rig::start().await;
    let shown = rig.show(popup("one")).await;
    assert_eq!(shown.summary, "Order <1>");
    assert_eq!(shown.body, "is &lt;b&gt;paid&lt;/b&gt; &amp; packed", "nothing of it is markup");
    assert_eq!(shown.actions, ["default", "Order <1>", "track", "Track"]);
    assert_eq!((shown.urgency, shown.silent, shown.replaces), (1, false, 0));
    rig.choose(shown.id, "default").await;
    assert_eq!(rig.answer().await, PopupAnswer::Opened(key("one")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_and_a_sweep_come_back() {
    if !is_on_own_bus("a_button_and_a_sweep_come_back") {
        return;
    }
    let mut rig = Rig::start().await;
    let (one, two) = (rig.show(popup("one")).await, rig.show(popup("two")).await);
    rig.choose(one.id, "track").await;
    assert_eq!(rig.answer().await, PopupAnswer::Chosen(key("one"), "track".into()));
    rig.sweep(two.id).await;
    assert_eq!(rig.answer().await, PopupAnswer::Dismissed(key("two")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_one_takes_the_place_and_a_click_is_about_it_alone() {
    if !is_on_own_bus("a_newer_one_takes_the_place_and_a_click_is_about_it_alone") {
        return;
    }
    let mut rig = Rig::start().await;
    let first = rig.show(popup("first")).await;
    let second = rig.show(Popup { replaces: Some(key("first")), ..popup("second") }).await;
    assert_eq!((second.replaces, second.id), (first.id, first.id));
    rig.choose(second.id, "default").await;
    assert_eq!(rig.answer().await, PopupAnswer::Opened(key("second")));
    assert!(rig.answers.try_recv().is_err(), "the one that was replaced says nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_one_closes_and_says_nothing() {
    if !is_on_own_bus("a_withdrawn_one_closes_and_says_nothing") {
        return;
    }
    let mut rig = Rig::start().await;
    let (one, two) = (rig.show(popup("one")).await, rig.show(popup("two")).await);
    rig.withdraw(key("one")).await;
    assert_eq!(*rig.closed.lock().expect("nobody panicked"), [one.id]);
    rig.choose(two.id, "default").await;
    assert_eq!(rig.answer().await, PopupAnswer::Opened(key("two")), "and nothing before it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_somebody_stays_and_silence_is_kept() {
    if !is_on_own_bus("what_needs_somebody_stays_and_silence_is_kept") {
        return;
    }
    let rig = Rig::start().await;
    let shown =
        rig.show(Popup { stays: true, silent: true, urgency: Urgency::Critical, ..popup("one") }).await;
    assert_eq!((shown.timeout, shown.silent, shown.urgency), (0, true, 2));
    let plain = rig.show(Popup { urgency: Urgency::Low, ..popup("two") }).await;
    assert_eq!((plain.timeout, plain.urgency), (-1, 0), "the desktop decides how long it stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_screen_has_room_for_the_newest_only() {
    if !is_on_own_bus("the_screen_has_room_for_the_newest_only") {
        return;
    }
    let rig = Rig::start().await;
    for number in 0..25 {
        let screen = Arc::clone(&rig.screen);
        let shown = tokio::task::spawn_blocking(move || screen.show(&popup(&number.to_string())));
        shown.await.expect("it ends").expect("it is shown");
    }
    assert_eq!(*rig.closed.lock().expect("nobody panicked"), [1], "the oldest went");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_daemon_nothing_counts_as_shown() {
    if !is_on_own_bus("without_a_daemon_nothing_counts_as_shown") {
        return;
    }
    let (sender, _answers) = mpsc::channel(1);
    let screen = NativeScreen::new(sender);
    let shown = tokio::task::spawn_blocking(move || screen.show(&popup("one"))).await.expect("it ends");
    assert_eq!(shown.unwrap_err().code, "no_popups");
}
