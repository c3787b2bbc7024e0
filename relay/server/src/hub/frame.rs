//! Frames as bytes.

use tidings_core::view;
use tidings_protocol::frame::RelayFrame;
use tidings_protocol::item::Item;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// A frame as it goes out.
#[must_use]
pub fn encode(frame: &RelayFrame) -> Utf8Bytes {
    serde_json::to_string(frame).expect("a frame is made of texts, numbers and times").into()
}

/// The frame of a live change; none if it would not fit, so that sessions read it from the store in parts.
pub(super) fn live_frame(epoch: u32, from: u64, to: u64, items: Vec<Item>) -> Option<Utf8Bytes> {
    view::fits_one_frame(&items)
        .then(|| encode(&RelayFrame::Changes(view::live_page(epoch, from, to, items))))
}
