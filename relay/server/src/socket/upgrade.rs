//! The handshake of RFC 6455 on HTTP/1.1.
//!
//! It is made here and not by axum, whose socket copies each frame into a buffer of its own and keeps that buffer for as long
//! as the connection is open.

use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tidings_protocol::frame::SUBPROTOCOL;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The answer to a handshake: 101 changes the protocol. 400 and 426 say what is missing.
pub(super) fn answer(headers: &HeaderMap) -> Response {
    let refused = |status: StatusCode, why: &'static str| (status, why).into_response();
    if !has(headers, &CONNECTION, "upgrade") || !has(headers, &UPGRADE, "websocket") {
        let why = "this is a WebSocket: Connection: Upgrade, Upgrade: websocket";
        return refused(StatusCode::UPGRADE_REQUIRED, why);
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return refused(StatusCode::BAD_REQUEST, "Sec-WebSocket-Version has to be 13");
    }
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY) else {
        return refused(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is missing");
    };
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).expect("base64 is a header");
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let answer = response.headers_mut();
    answer.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    answer.insert(UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(SEC_WEBSOCKET_ACCEPT, accept);
    if has(headers, &SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        answer.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    response
}

/// Whether a header, which is a list, has a word.
fn has(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let words = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    words.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// The example of RFC 6455, section 1.3.
    const ASKED: [(&str, &str); 5] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "chat, tidings.v1"),
    ];

    fn headers(asked: &[(&str, &str)]) -> HeaderMap {
        asked.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    #[test]
    fn the_handshake_is_answered_as_the_standard_says() {
        let response = answer(&headers(&ASKED));
        assert_eq!(response.status(), 101);
        assert_eq!(header(&response, "sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(header(&response, "sec-websocket-protocol"), Some("tidings.v1"));
        let response = answer(&headers(&ASKED[..4]));
        assert_eq!(header(&response, "sec-websocket-protocol"), None, "it was not offered");
    }

    #[rstest]
    #[case(0, "close", 426)]
    #[case(1, "h2c", 426)]
    #[case(2, "8", 400)]
    #[case(3, "", 400)]
    fn what_is_no_handshake_is_told_what_is_missing(
        #[case] place: usize,
        #[case] value: &str,
        #[case] status: u16,
    ) {
        let mut asked = ASKED.to_vec();
        if value.is_empty() {
            asked.remove(place);
        } else {
            asked[place].1 = value;
        }
        assert_eq!(answer(&headers(&asked)).status(), status);
    }
}
