//! The place in the tray, over D-Bus: the freedesktop StatusNotifierItem, which KDE, Xfce, Cinnamon, MATE and the usual
//! extension of GNOME show. GTK has this only together with a whole toolkit.

use std::sync::Arc;

use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use zbus::object_server::{InterfaceRef, SignalEmitter};
use zbus::{Connection, OwnedObjectPath, Proxy, interface};

use crate::controller::Controller;
use crate::resident::menu::{MENU_PATH, Menu};

const ITEM_PATH: &str = "/StatusNotifierItem";
const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const WATCHER_PATH: &str = "/StatusNotifierWatcher";

/// The pictures, as the bus carries them: width, height, and each pixel as alpha, red, green, blue. `build.rs` makes them
/// of the files in `icons`.
const PLAIN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tray.argb"));
const UNREAD: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tray-unread.argb"));
const SIDE: i32 = 64;

type Pictures = Vec<(i32, i32, Vec<u8>)>;

/// What the tray shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Face {
    pub(crate) unread: u32,
    /// Counts when the words may be others.
    pub(crate) words: u32,
}

/// The item in the tray.
struct Item {
    controller: Arc<Controller>,
    face: watch::Receiver<Face>,
}

impl Item {
    fn unread(&self) -> u32 {
        self.face.borrow().unread
    }

    fn words(&self) -> String {
        match self.unread() {
            0 => "Tidings".to_owned(),
            unread => self.controller.unread_words(unread),
        }
    }
}

#[interface(name = "org.kde.StatusNotifierItem")]
impl Item {
    async fn activate(&self, _x: i32, _y: i32) {
        self.controller.choose("open").await;
    }

    async fn secondary_activate(&self, _x: i32, _y: i32) {
        self.controller.choose("open").await;
    }

    /// Whoever shows the item shows its menu.
    fn context_menu(&self, _x: i32, _y: i32) {}

    fn scroll(&self, _delta: i32, _orientation: &str) {}

    #[zbus(property)]
    fn category(&self) -> &'static str {
        "Communications"
    }

    #[zbus(property)]
    fn id(&self) -> &'static str {
        "tidings-desktop"
    }

    #[zbus(property)]
    fn title(&self) -> String {
        self.words()
    }

    #[zbus(property)]
    fn status(&self) -> &'static str {
        "Active"
    }

    #[zbus(property)]
    fn window_id(&self) -> i32 {
        0
    }

    #[zbus(property)]
    fn icon_name(&self) -> &'static str {
        ""
    }

    #[zbus(property)]
    fn icon_pixmap(&self) -> Pictures {
        vec![(SIDE, SIDE, if self.unread() == 0 { PLAIN } else { UNREAD }.to_vec())]
    }

    #[zbus(property)]
    fn tool_tip(&self) -> (&'static str, Pictures, String, &'static str) {
        ("", Vec::new(), self.words(), "")
    }

    /// The number beside the picture, where the desktop has room for one.
    #[zbus(property, name = "XAyatanaLabel")]
    fn label(&self) -> String {
        match self.unread() {
            0 => String::new(),
            unread => unread.to_string(),
        }
    }

    #[zbus(property)]
    fn item_is_menu(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn menu(&self) -> OwnedObjectPath {
        OwnedObjectPath::try_from(MENU_PATH).expect("it begins with a slash and has names between slashes")
    }

    #[zbus(signal)]
    async fn new_icon(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn new_title(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn new_tool_tip(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;

    #[zbus(signal, name = "XAyatanaNewLabel")]
    async fn new_label(emitter: &SignalEmitter<'_>, label: &str, guide: &str) -> zbus::Result<()>;
}

/// Has a place in the tray for as long as the app runs. The app ends with the session, whose bus ends then.
pub(crate) async fn keep(controller: Arc<Controller>, face: watch::Receiver<Face>, stop: CancellationToken) {
    let bus = match Connection::session().await {
        Ok(bus) => bus,
        Err(error) => {
            return tracing::warn!(%error, "there is no bus of the session, so no tray and no popups");
        }
    };
    // A tray that cannot be kept, be it because the bus ends, leaves the bus to be watched.
    let kept = async {
        if let Err(error) = serve(&bus, controller, face).await {
            tracing::warn!(%error, "the app has no place in the tray");
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = bus.closed() => {
            tracing::info!("the session has ended");
            stop.cancel();
        }
        () = kept => {}
    }
}

async fn serve(
    bus: &Connection,
    controller: Arc<Controller>,
    mut face: watch::Receiver<Face>,
) -> zbus::Result<()> {
    let item = Item { controller: Arc::clone(&controller), face: face.clone() };
    bus.object_server().at(ITEM_PATH, item).await?;
    bus.object_server().at(MENU_PATH, Menu::new(controller)).await?;
    let item = bus.object_server().interface::<_, Item>(ITEM_PATH).await?;
    let menu = bus.object_server().interface::<_, Menu>(MENU_PATH).await?;
    let watcher = Proxy::new(bus, WATCHER, WATCHER_PATH, WATCHER).await?;
    let mut owners = watcher.receive_owner_changed().await?;
    register(&watcher).await;
    let mut former = *face.borrow_and_update();
    loop {
        tokio::select! {
            biased;
            // A desktop that starts its tray anew has forgotten all places in it.
            owner = owners.next() => match owner {
                Some(Some(_)) => register(&watcher).await,
                Some(None) => {}
                None => return Ok(()),
            },
            changed = face.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                let current = *face.borrow_and_update();
                tell(&item, &menu, former, current).await?;
                former = current;
            }
        }
    }
}

async fn register(watcher: &Proxy<'_>) {
    // By the path alone: then it is at whoever calls.
    if let Err(error) = watcher.call::<_, _, ()>("RegisterStatusNotifierItem", &(ITEM_PATH,)).await {
        tracing::debug!(%error, "this desktop has no tray");
    }
}

/// Says what looks different.
async fn tell(
    item: &InterfaceRef<Item>,
    menu: &InterfaceRef<Menu>,
    former: Face,
    current: Face,
) -> zbus::Result<()> {
    let emitter = item.signal_emitter();
    if former.words != current.words {
        let revision = menu.get_mut().await.changed();
        Menu::layout_updated(menu.signal_emitter(), revision, 0).await?;
    }
    if (former.unread == 0) != (current.unread == 0) {
        Item::new_icon(emitter).await?;
    }
    if former != current {
        let label = item.get().await.label();
        Item::new_label(emitter, &label, "").await?;
        Item::new_title(emitter).await?;
        Item::new_tool_tip(emitter).await?;
    }
    Ok(())
}

/// Whether this desktop has a tray that shows us.
pub(crate) fn is_there() -> bool {
    let asked = async {
        let bus = Connection::session().await?;
        let watcher = Proxy::new(&bus, WATCHER, WATCHER_PATH, WATCHER).await?;
        watcher.get_property::<bool>("IsStatusNotifierHostRegistered").await
    };
    zbus::block_on(asked).unwrap_or(false)
}
