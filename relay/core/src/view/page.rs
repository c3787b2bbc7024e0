//! Pages of changes, and how a page is cut into frames.

use tidings_protocol::Cursor;
use tidings_protocol::frame::ChangesPage;
use tidings_protocol::item::Item;
use tidings_protocol::limits::FRAME_BYTES_MAX;

use super::{change_item_in, settings_item, watermark_item};
use crate::configuration::Configuration;
use crate::model::{Inbox, cursor};
use crate::ports::InboxPage;

/// Room in a frame for everything but its items: names, cursors, brackets.
const FRAME_ENVELOPE_BYTES: usize = 512;

/// Where a page stands in a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The first page after a welcome: it has the settings even if they did not change.
    pub first: bool,
    /// Goes on with a reset that an earlier page began.
    pub resetting: bool,
}

/// A page as devices read it.
///
/// A page that begins from nothing leaves out what is not to be seen. One that goes on with a reset does not: the row
/// may have been visible when an earlier page carried it.
#[must_use]
pub fn page(page: &InboxPage, configuration: &Configuration, position: Position) -> ChangesPage {
    let Some(inbox) = &page.person.inbox else { return nobody(page) };
    ChangesPage {
        from: page.after.map(|after| inbox.cursor(after)),
        to: inbox.cursor(page.to),
        more: page.more,
        reset: page.after.is_none() || position.resetting,
        items: items(page, inbox, configuration, position).into_iter().map(|(_, item)| item).collect(),
    }
}

/// As [`page`], cut into frames that fit [`FRAME_BYTES_MAX`]; a single item that does not fit has one of its own. The
/// frames are contiguous, all but the last say that more follows, and there is at least one.
#[must_use]
pub fn frames(page: &InboxPage, configuration: &Configuration, position: Position) -> Vec<ChangesPage> {
    let Some(inbox) = &page.person.inbox else { return vec![nobody(page)] };
    let reset = page.after.is_none() || position.resetting;
    let mut frames = Vec::new();
    let mut from = page.after.map(|after| inbox.cursor(after));
    let mut open = Vec::new();
    let mut bytes = FRAME_ENVELOPE_BYTES;
    // Settings have no place among the rows: the frame that they are in ends where it began.
    let mut at = page.after.unwrap_or(0);
    for (place, item) in items(page, inbox, configuration, position) {
        let size = encoded_len(&item);
        if !open.is_empty() && bytes + size > FRAME_BYTES_MAX {
            let to = inbox.cursor(at);
            let items = std::mem::take(&mut open);
            frames.push(ChangesPage { from: from.replace(to.clone()), to, more: true, reset, items });
            bytes = FRAME_ENVELOPE_BYTES;
        }
        at = place.unwrap_or(at);
        bytes += size;
        open.push(item);
    }
    frames.push(ChangesPage { from, to: inbox.cursor(page.to), more: page.more, reset, items: open });
    frames
}

/// Everything of a page, in order, each with its place; settings have none.
fn items(
    page: &InboxPage,
    inbox: &Inbox,
    configuration: &Configuration,
    position: Position,
) -> Vec<(Option<u64>, Item)> {
    let after = page.after.unwrap_or(0);
    let lies_here = |seq: u64| seq > after && seq <= page.to;
    let rows = page.rows.iter().filter(|row| page.after.is_some() || row.is_visible());
    let rows = rows.filter_map(|row| Some((row.seq?, change_item_in(inbox, row))));
    let marks = inbox.watermarks.iter().filter(|(seq, _)| lies_here(*seq));
    let marks = marks.map(|(seq, mark)| (*seq, watermark_item(inbox, mark)));
    let mut placed: Vec<(u64, Item)> = rows.chain(marks).collect();
    placed.sort_by_key(|(seq, _)| *seq);
    let settings = position.first || page.after.is_none() || lies_here(inbox.settings_seq);
    let settings =
        settings.then(|| (None, Item::Settings(Box::new(settings_item(&page.person, configuration)))));
    settings.into_iter().chain(placed.into_iter().map(|(seq, item)| (Some(seq), item))).collect()
}

/// The page of somebody who does not exist. Of one who was erased it says so; the cursor is of the epoch that ended,
/// or of none, so that whatever comes later begins from nothing.
fn nobody(page: &InboxPage) -> ChangesPage {
    let erased = page.person.erased.as_ref();
    ChangesPage {
        from: None,
        to: cursor(erased.map_or(0, |erased| erased.epoch), 0),
        more: false,
        reset: true,
        items: erased.map(|_| Item::Erased).into_iter().collect(),
    }
}

/// How many bytes an item has in a frame.
pub(crate) fn encoded_len(item: &Item) -> usize {
    /// Counts what is written and keeps none of it.
    struct Counted(usize);
    impl std::io::Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counted = Counted(1);
    serde_json::to_writer(&mut counted, item).expect("an item is made of texts, numbers and times");
    counted.0
}

/// Whether the items of a live change fit one frame; if not, sessions read them from the store, which cuts them.
#[must_use]
pub fn fits_one_frame(items: &[Item]) -> bool {
    let mut left = FRAME_BYTES_MAX - FRAME_ENVELOPE_BYTES;
    items.iter().all(|item| {
        let size = encoded_len(item);
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    })
}

/// The frame of a live change.
#[must_use]
pub fn live_page(epoch: u32, from: u64, to: u64, items: Vec<Item>) -> ChangesPage {
    let from: Cursor = cursor(epoch, from);
    ChangesPage { from: Some(from), to: cursor(epoch, to), more: false, reset: false, items }
}
