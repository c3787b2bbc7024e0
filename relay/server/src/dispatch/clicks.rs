//! Looks once a day whether people stopped opening what a category sends, where the document asks to hear of it.

use std::fmt::Write as _;
use std::time::Duration;

use tidings_core::click_rate::{Clicks, Days};
use tidings_core::configuration::Alert;
use tidings_core::model::utc_day;
use tidings_core::ports::StoreError;
use tidings_protocol::CategoryId;
use tokio_util::sync::CancellationToken;

use super::Dispatch;

/// How often the date is looked at. The first look comes so long after the start: reading five weeks of rows is
/// nothing that a start should wait for.
const DATE_EVERY: Duration = Duration::from_secs(60 * 60);

/// Looks once in each day of UTC, and once after a start, until the token is cancelled.
pub(super) async fn look_daily(dispatch: &Dispatch, stop: &CancellationToken) {
    let mut looked_on = None;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(DATE_EVERY) => {}
        }
        let today = utc_day(dispatch.clock.now());
        if looked_on == Some(today) || dispatch.guard.is_paused() {
            continue;
        }
        match look(dispatch).await {
            Ok(()) => looked_on = Some(today),
            Err(error) => tracing::warn!(%error, "the rates of clicks could not be read"),
        }
    }
}

/// Notes each project in which the rate of a category is low.
async fn look(dispatch: &Dispatch) -> Result<(), StoreError> {
    let days = Days::before(dispatch.clock.now());
    for project in dispatch.registry.projects().await? {
        // A document that cannot be read asks for nothing; whoever reads it elsewhere says so.
        let Ok(configuration) = dispatch.live.live(&project.id).await else { continue };
        let asked = configuration.alerts.as_ref().is_some_and(|of| of.on.contains(&Alert::ClickRateLow));
        if !asked {
            continue;
        }
        let mut text = String::new();
        for (category, [usual, recent]) in dispatch.books.clicks(&project.id, days).await? {
            if recent.is_low_beside(usual) {
                tell(&mut text, &category, recent, usual);
            }
        }
        if !text.is_empty() {
            dispatch.alarms.note(project.id, Alert::ClickRateLow, text);
        }
    }
    Ok(())
}

fn tell(text: &mut String, category: &CategoryId, recent: Clicks, usual: Clicks) {
    let comma = if text.is_empty() { "" } else { "; " };
    let percent = |rate: u64| format!("{}.{} %", rate / 10, rate % 10);
    let (now, then, of) = (percent(recent.per_mille()), percent(usual.per_mille()), recent.reached);
    write!(text, "{comma}{category}: {now} of {of} were clicked in the last week, {then} before")
        .expect("a text takes all");
}
