//! Text of a device as a frame.

use tidings_protocol::frame::DeviceFrame;
use tidings_protocol::limits::JSON_DEPTH_MAX;

/// Reads a frame; none if it is no JSON, is nested deeper than [`JSON_DEPTH_MAX`], has U+0000 in a text, or is a known
/// frame with other fields.
pub(super) fn frame(text: &str) -> Option<DeviceFrame> {
    if !is_storable(text) {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// Whether every text can be stored by every store, and no reader has to recurse deep.
fn is_storable(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut depth, mut in_text, mut at) = (0_usize, false, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if in_text => {
                if bytes[at..].starts_with(b"\\u0000") {
                    return false;
                }
                at += 1;
            }
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                if depth > JSON_DEPTH_MAX {
                    return false;
                }
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_in_a_text_is_refused_and_an_escaped_backslash_before_it_is_not_one() {
        assert_eq!(frame(r#"{"t":"token","token":"a\u0000b"}"#), None);
        assert_eq!(
            frame(r#"{"t":"token","token":"a\\u0000b"}"#),
            Some(DeviceFrame::Token { token: r"a\u0000b".into() })
        );
    }

    #[test]
    fn nesting_is_bounded_from_both_sides() {
        let nested = |depth: usize| {
            let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
            format!(r#"{{"t":"dance","x":{open}{close}}}"#)
        };
        assert_eq!(frame(&nested(JSON_DEPTH_MAX)), Some(DeviceFrame::Unknown));
        assert_eq!(frame(&nested(JSON_DEPTH_MAX + 1)), None);
        assert_eq!(
            frame(r#"{"t":"dance","x":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["}"#),
            Some(DeviceFrame::Unknown)
        );
    }

    #[test]
    fn a_lone_surrogate_and_a_known_frame_with_other_fields_are_refused() {
        assert_eq!(frame(r#"{"t":"token","token":"\ud800"}"#), None);
        assert_eq!(frame(r#"{"t":"held"}"#), None);
        assert_eq!(frame("[]"), None);
        assert_eq!(frame("{"), None);
    }
}
