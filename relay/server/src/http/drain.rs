//! What a refused request still sends is read to its end: a body that nobody reads makes the connection end under whoever
//! writes it, and the next request of that connection with it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt as _;
use http_body::{Frame, SizeHint};

/// Bytes of a body that are read and thrown away.
const DISCARDED_BYTES_MAX: u64 = 16 << 20;
/// How long that may take.
const DISCARDING_MAX: Duration = Duration::from_secs(5);

/// A body that comes back when the call is answered.
#[derive(Clone)]
struct Lent(Arc<Mutex<Body>>);

/// Reads what a call left of its body. One that is too much, or too slow, ends the connection, and the answer says so.
pub(super) async fn drained(request: Request, next: Next) -> Response {
    // Who asks first hears the answer instead of sending.
    if request.body().is_end_stream() || request.headers().contains_key(header::EXPECT) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let lent = Lent(Arc::new(Mutex::new(body)));
    let mut response = next.run(Request::from_parts(parts, Body::new(lent.clone()))).await;
    if !lent.is_end_stream() && !discarded(lent).await {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Most write the whole body before they read the answer.
async fn discarded(rest: Lent) -> bool {
    if rest.size_hint().lower() > DISCARDED_BYTES_MAX {
        return false;
    }
    let mut pieces = Body::new(rest).into_data_stream();
    let all = async {
        let mut bytes = 0;
        while let Some(Ok(piece)) = pieces.next().await {
            bytes += piece.len() as u64;
            if bytes > DISCARDED_BYTES_MAX {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(DISCARDING_MAX, all).await.unwrap_or(false)
}

impl Lent {
    fn locked(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.locked()).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.locked().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.locked().size_hint()
    }
}
