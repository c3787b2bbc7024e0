//! The tray's menu, over D-Bus: `com.canonical.dbusmenu`, which goes with the item in the tray. The menu is flat.

use std::collections::HashMap;
use std::sync::Arc;

use zbus::object_server::SignalEmitter;
use zbus::{OwnedVariant, Variant, interface};

use crate::controller::{Controller, MenuEntry};

pub(crate) const MENU_PATH: &str = "/Menu";
/// The version of the interface.
const VERSION: u32 = 3;
/// What a desktop calls it when an entry is chosen.
const CLICKED: &str = "clicked";

type Properties = HashMap<String, OwnedVariant>;
/// An entry with those below it.
type Layout = (i32, Properties, Vec<OwnedVariant>);
/// Number, what happened, with what, when.
type Happened = (i32, String, OwnedVariant, u32);

/// The menu. Its root has the number 0, and the entries are counted from 1.
pub(crate) struct Menu {
    controller: Arc<Controller>,
    revision: u32,
}

impl Menu {
    pub(crate) fn new(controller: Arc<Controller>) -> Self {
        Self { controller, revision: 1 }
    }

    /// The words are others; the revision that tells it.
    pub(crate) fn changed(&mut self) -> u32 {
        self.revision += 1;
        self.revision
    }

    fn entries(&self) -> Vec<(i32, MenuEntry)> {
        (1..).zip(self.controller.menu()).collect()
    }

    fn entry(&self, id: i32) -> Option<MenuEntry> {
        self.entries().into_iter().find_map(|(known, entry)| (known == id).then_some(entry))
    }

    fn properties_of(&self, id: i32) -> zbus::fdo::Result<Properties> {
        let root = || vec![("children-display", Variant::from("submenu"))];
        let properties = match self.entry(id) {
            Some(MenuEntry::Line) => vec![("type", Variant::from("separator"))],
            Some(MenuEntry::Choice { label, .. }) => vec![("label", Variant::from(label))],
            None if id == 0 => root(),
            None => return Err(zbus::fdo::Error::InvalidArgs(format!("there is no entry {id}"))),
        };
        properties.into_iter().map(|(name, value)| Ok((name.to_owned(), value.try_to_owned()?))).collect()
    }

    async fn happened(&self, id: i32, what: &str) {
        if what == CLICKED
            && let Some(MenuEntry::Choice { id, .. }) = self.entry(id)
        {
            self.controller.choose(id).await;
        }
    }
}

#[interface(name = "com.canonical.dbusmenu")]
impl Menu {
    /// Names of properties are a wish to send less; there are too few to leave some out.
    fn get_layout(&self, parent: i32, depth: i32, _names: Vec<String>) -> zbus::fdo::Result<(u32, Layout)> {
        let mut below = Vec::new();
        if parent == 0 && depth != 0 {
            for (id, _) in self.entries() {
                let entry: Layout = (id, self.properties_of(id)?, Vec::new());
                below.push(Variant::from(entry).try_to_owned()?);
            }
        }
        Ok((self.revision, (parent, self.properties_of(parent)?, below)))
    }

    fn get_group_properties(&self, ids: Vec<i32>, _names: Vec<String>) -> Vec<(i32, Properties)> {
        let asked = if ids.is_empty() { self.entries().into_iter().map(|(id, _)| id).collect() } else { ids };
        asked.into_iter().filter_map(|id| Some((id, self.properties_of(id).ok()?))).collect()
    }

    fn get_property(&self, id: i32, name: &str) -> zbus::fdo::Result<OwnedVariant> {
        let found = self.properties_of(id)?.remove(name);
        found.ok_or_else(|| zbus::fdo::Error::InvalidArgs(format!("entry {id} has no {name}")))
    }

    async fn event(&self, id: i32, what: &str, _with: OwnedVariant, _at: u32) {
        self.happened(id, what).await;
    }

    /// Answers the numbers that are not known.
    async fn event_group(&self, events: Vec<Happened>) -> Vec<i32> {
        let mut unknown = Vec::new();
        for (id, what, _, _) in events {
            if self.entry(id).is_none() {
                unknown.push(id);
            }
            self.happened(id, &what).await;
        }
        unknown
    }

    /// Whether the entries are others than before: who shows them is told when they change.
    fn about_to_show(&self, _id: i32) -> bool {
        false
    }

    fn about_to_show_group(&self, _ids: Vec<i32>) -> (Vec<i32>, Vec<i32>) {
        (Vec::new(), Vec::new())
    }

    #[zbus(property)]
    fn version(&self) -> u32 {
        VERSION
    }

    #[zbus(property)]
    fn status(&self) -> &'static str {
        "normal"
    }

    #[zbus(property)]
    fn text_direction(&self) -> &'static str {
        "ltr"
    }

    #[zbus(property)]
    fn icon_theme_path(&self) -> Vec<String> {
        Vec::new()
    }

    #[zbus(signal)]
    pub(crate) async fn layout_updated(
        emitter: &SignalEmitter<'_>,
        revision: u32,
        parent: i32,
    ) -> zbus::Result<()>;
}
