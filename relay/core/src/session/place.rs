//! Where a device is in its inbox, by what was sent to it. This keeps the chain of cursors unbroken: a live frame goes
//! out only if it begins where the last frame ended; whatever does not fit is read from the store.

use tidings_protocol::Cursor;
use tidings_protocol::frame::ChangesPage;

use crate::model::{cursor, parse_cursor};
use crate::view::Position;

/// Where a device is.
#[derive(Debug, Default)]
pub(super) struct Place {
    epoch: u32,
    /// The end of the last frame that was sent; none if the device begins from nothing.
    sent: Option<u64>,
    /// The furthest end of a frame of this epoch: a resume moves `sent` back, not this.
    furthest: u64,
    /// The next page's position.
    position: Position,
    reading: Reading,
    /// The device waits for a page, even for an empty one: it said hello or resume.
    answer_due: bool,
    /// Whether the store may have more than was sent.
    behind: bool,
    /// The settings are to be sent although the inbox did not move: another configuration is live.
    settings_due: bool,
}

/// Whether a page is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reading {
    #[default]
    No,
    /// And what was heard of meanwhile: epoch and head.
    Yes { heard: Option<(u32, u64)> },
    /// Its answer is of no use: the device asked for another.
    Overtaken,
}

/// What becomes of a live change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Live {
    /// It begins where the device is.
    Send,
    /// The device has it, or will by the page that is under way.
    Drop,
    /// There is a gap: the store has what is missing.
    Read,
}

impl Place {
    /// A device that stands at a place of its inbox, or begins from nothing. Its first page is to be read.
    pub(super) fn begin(epoch: u32, place: Option<u64>) -> Self {
        Self {
            epoch,
            sent: place,
            furthest: place.unwrap_or(0),
            position: Position { first: true, resetting: false },
            reading: Reading::No,
            answer_due: true,
            behind: true,
            settings_due: false,
        }
    }

    /// The device starts again from elsewhere.
    pub(super) fn resume(&mut self, from: Option<&Cursor>) {
        let place = from.and_then(parse_cursor).filter(|(epoch, _)| *epoch == self.epoch);
        self.sent = place.map(|(_, seq)| seq);
        self.position = Position::default();
        self.answer_due = true;
        self.behind = true;
        if self.reading != Reading::No {
            self.reading = Reading::Overtaken;
        }
    }

    /// The highest place that this session sent; `held` is clamped to it.
    pub(super) const fn furthest(&self) -> u64 {
        self.furthest
    }

    /// A place that the device names, clamped to what was sent; none if it is of another epoch.
    pub(super) fn clamp(&self, held: &Cursor) -> Option<u64> {
        let (epoch, seq) = parse_cursor(held)?;
        (epoch == self.epoch).then(|| seq.min(self.furthest))
    }

    /// The cursor of a place of this epoch.
    pub(super) fn cursor(&self, seq: u64) -> Cursor {
        cursor(self.epoch, seq)
    }

    /// Whether a cursor is of the inbox that the device was greeted with.
    pub(super) fn is_of_this_epoch(&self, cursor: &Cursor) -> bool {
        parse_cursor(cursor).is_some_and(|(epoch, _)| epoch == self.epoch)
    }

    /// The page to read next, if one is to be read and none is under way.
    pub(super) fn begin_read(&mut self) -> Option<(Option<Cursor>, Position)> {
        if !self.behind || self.reading != Reading::No {
            return None;
        }
        self.behind = false;
        self.reading = Reading::Yes { heard: None };
        let settings = std::mem::take(&mut self.settings_due);
        let position = Position { first: self.position.first || settings, ..self.position };
        Some((self.sent.map(|sent| self.cursor(sent)), position))
    }

    /// What becomes of a live change `from..to` of an epoch. The caller sends it if told so.
    pub(super) fn live(&mut self, epoch: u32, from: u64, to: u64, room: bool) -> Live {
        match &mut self.reading {
            Reading::Yes { heard } => {
                let further = heard.is_none_or(|(other, head)| other != epoch || head < to);
                if further {
                    *heard = Some((epoch, to));
                }
                return Live::Drop;
            }
            Reading::Overtaken => return Live::Drop,
            Reading::No => {}
        }
        if self.behind {
            return Live::Drop;
        }
        let sent = self.sent.filter(|_| epoch == self.epoch);
        match sent {
            Some(sent) if to <= sent => Live::Drop,
            Some(sent) if from == sent && room => {
                self.sent = Some(to);
                self.furthest = self.furthest.max(to);
                Live::Send
            }
            Some(_) | None => {
                self.behind = true;
                Live::Read
            }
        }
    }

    /// Something changed, and it is not known what.
    pub(super) fn missed(&mut self) {
        match &mut self.reading {
            Reading::Yes { heard } => *heard = Some((self.epoch, u64::MAX)),
            Reading::No | Reading::Overtaken => self.behind = true,
        }
    }

    /// Another configuration is live: the next page has the settings. One that is under way may have the old ones.
    pub(super) fn settings_changed(&mut self) {
        self.settings_due = true;
        self.missed();
    }

    /// The page that was read, as frames; answers those that go out. None go out if the device asked for another.
    pub(super) fn page(&mut self, frames: Vec<ChangesPage>) -> Vec<ChangesPage> {
        let heard = match std::mem::take(&mut self.reading) {
            Reading::Yes { heard } => heard,
            Reading::No | Reading::Overtaken => return Vec::new(),
        };
        let Some((_, end)) = frames.last().and_then(|last| parse_cursor(&last.to)) else {
            return Vec::new();
        };
        let (reset, more) = frames.last().map_or((false, false), |last| (last.reset, last.more));
        let due = std::mem::take(&mut self.answer_due);
        let nothing = !due && frames.len() == 1 && is_empty(&frames[0]);
        self.sent = Some(end);
        self.furthest = self.furthest.max(end);
        self.position = Position { first: false, resetting: reset && more };
        self.behind = more || heard.is_some_and(|(epoch, head)| epoch != self.epoch || head > end);
        if nothing { Vec::new() } else { frames }
    }

    /// The page could not be read; it is to be asked for again.
    pub(super) fn page_failed(&mut self) {
        self.reading = Reading::No;
        self.behind = true;
    }
}

/// A page that says nothing: no change, no move, no reset.
fn is_empty(page: &ChangesPage) -> bool {
    page.items.is_empty() && !page.reset && page.from.as_ref() == Some(&page.to)
}
