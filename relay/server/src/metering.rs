//! Metrics of the process. The recorder is one for all nodes of a process, as in tests.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::writer::Writer;

static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
/// Seconds: from a fast read to a call that is about to time out.
const SECONDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Requests of one commit.
const UNITS: [f64; 8] = [1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 250.0, 512.0];

/// Begins to record, once for the process. Does nothing if the embedder records by itself.
pub(crate) fn install() {
    HANDLE.get_or_init(|| {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_units".to_owned()), &UNITS));
        builder.ok().and_then(|builder| builder.install_recorder().ok())
    });
}

/// What was recorded, as text.
pub(crate) fn render() -> String {
    let handle = HANDLE.get().and_then(Option::as_ref);
    handle
        .map(|handle| {
            handle.run_upkeep();
            handle.render()
        })
        .unwrap_or_default()
}

/// Records how much waits for the writer.
pub(crate) fn gauge_writer(writer: &Writer) {
    let depth = u32::try_from(writer.depth()).unwrap_or(u32::MAX);
    metrics::gauge!("tidings_writer_queue_units").set(f64::from(depth));
}
