//! `GET /v1/statistics`: what came of notifications, and which templates few people click.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tidings_core::click_rate::Clicks;
use tidings_core::statistics::{BAND_HOURS, By, Kind, Low, Suggestion, Sums, low, sum_up};
use tidings_protocol::http::{LowBody, StatisticsItem, StatisticsResponse};
use tidings_protocol::{RuleId, Span};

use super::answer::Answered;
use super::problem::Problem;
use super::query::Query;
use super::route::{Routes, Who};
use crate::access::{KeyCaller, Scope};
use crate::app::App;

/// How far back unless it is told: whole weeks.
const SINCE_DEFAULT: Span = Span::from_days(28);
/// The longest span: a quarter. The rows of all of it are read.
const SPAN_MAX: Span = Span::from_days(92);
/// By what can be asked, with what sums up its groups; nothing for channels, of which a notification may have several.
const BY: [(&str, Option<By>); 5] = [
    ("template", Some(By::Template)),
    ("variant", Some(By::Variant)),
    ("category", Some(By::Category)),
    ("rule", Some(By::Rule)),
    ("channel", None),
];

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/v1/statistics", Who::Key(Scope::Read), show, |call| {
        call.about("What came of the notifications of some days, and templates that few people click.")
            .query(&[
                ("by", "template (default), variant, category, rule or channel"),
                ("since", "Made at or after; default 28 days before until"),
                ("until", "Made before; default now, at most 92 days after since"),
            ])
            .answer::<StatisticsResponse>(200, "The groups")
    })
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    query: Query,
) -> Result<Response, Box<Problem>> {
    let query = query.only(&["by", "since", "until"])?;
    let word = query.text("by").unwrap_or("template");
    let Some((word, by)) = BY.into_iter().find(|(known, _)| *known == word) else {
        let words = BY.map(|(known, _)| known).join(", ");
        return Err(Problem::field("invalid", "?by", format!("by is one of {words}.")));
    };
    let until = query.instant("until")?.unwrap_or_else(|| app.now());
    let since = query.instant("since")?.unwrap_or_else(|| until.plus_millis(-SINCE_DEFAULT.as_millis()));
    if until.millis_since(since) > SPAN_MAX.as_millis() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Err(Problem::limit(status, "Days of statistics", 92, None));
    }
    let items = match by {
        None => {
            let counted = app.ports.insight.sums_of_channels(&caller.project, since, until).await?;
            counted
                .into_iter()
                .map(|(channel, sums)| item(None, Some(channel.as_str().into()), sums))
                .collect()
        }
        Some(by) => items(&app.ports.insight.sums(&caller.project, since, until).await?, by),
    };
    Ok(Answered::ok(&StatisticsResponse { by: word.to_owned(), since, until, items }).response())
}

fn items(counted: &[(Kind, Sums)], by: By) -> Vec<StatisticsItem> {
    let groups = sum_up(counted, by).into_iter();
    let items = groups.map(|((rule, value), sums)| {
        let low = value.as_deref().filter(|_| by == By::Template).and_then(|template| low(counted, template));
        StatisticsItem { low: low.as_ref().map(low_body), ..item(rule, value, sums) }
    });
    items.collect()
}

fn item(rule: Option<RuleId>, value: Option<Box<str>>, sums: Sums) -> StatisticsItem {
    StatisticsItem {
        value: value.map(Into::into),
        rule,
        made: sums.made,
        reached: sums.reached,
        displayed: sums.displayed,
        read: sums.read,
        clicked: sums.clicked,
        acted: sums.acted,
        converted: sums.converted,
        opened_by_program: sums.opened_by_program,
        followed_by_program: sums.followed_by_program,
        click_rate: (sums.reached > 0).then(|| rate(sums.clicks())),
        low: None,
    }
}

/// Of a hundred, to one decimal.
#[expect(clippy::cast_precision_loss, reason = "at most a thousand")]
fn rate(clicks: Clicks) -> f64 {
    clicks.per_mille() as f64 / 10.0
}

fn low_body(low: &Low) -> LowBody {
    let (own, others) = (rate(low.own), rate(low.others));
    let (suggestion, attempt) = match &low.suggestion {
        Suggestion::Variant { rule, variant, clicks } => (
            "variant",
            format!("the variant {variant} of rule {rule}, of which {:.1} % are clicked", rate(*clicks)),
        ),
        Suggestion::Hour { from, clicks } => {
            let to = (from + BAND_HOURS) % 24;
            (
                "hour",
                format!(
                    "to send it from {from:02}:00 to {to:02}:00 UTC, when {:.1} % are clicked",
                    rate(*clicks)
                ),
            )
        }
        Suggestion::Words => ("words", "other words, as another variant of its rule beside it".to_owned()),
    };
    LowBody {
        category: low.category.clone(),
        click_rate: own,
        others,
        suggestion: suggestion.to_owned(),
        text: format!(
            "{own:.1} % are clicked, and {others:.1} % of all others of {}: try {attempt}",
            low.category
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn counted(
        template: &str,
        variant: Option<&str>,
        band: u8,
        (clicked, reached): (u64, u64),
    ) -> (Kind, Sums) {
        let kind = Kind {
            category: "offers".parse().unwrap(),
            rule: Some("promotion".parse().unwrap()),
            template: Some(template.into()),
            variant: variant.map(Into::into),
            band: Some(band),
        };
        (kind, Sums { made: reached, reached, clicked, ..Sums::default() })
    }

    fn low_of(counted: &[(Kind, Sums)]) -> serde_json::Value {
        json!(
            items(counted, By::Template)
                .into_iter()
                .find(|item| item.value.as_deref() == Some("t"))
                .unwrap()
                .low
        )
    }

    #[test]
    fn a_template_that_few_people_click_is_pointed_out_with_what_to_try() {
        let others = counted("u", Some("short"), 3, (400, 4_000));
        let low = low_of(&[counted("t", Some("long"), 3, (10, 600)), others]);
        let text = "1.6 % are clicked, and 10.0 % of all others of offers: try the variant short of rule promotion, of which \
            10.0 % are clicked";
        let expected =
            json!({"category": "offers", "click_rate": 1.6, "others": 10.0, "try": "variant", "text": text});
        assert_eq!(low, expected);
        let others = counted("u", None, 3, (400, 4_000));
        assert_eq!(low_of(&[counted("t", None, 3, (10, 600)), others.clone()])["try"], "words");
        let low =
            low_of(&[counted("t", None, 7, (60, 400)), counted("t", None, 3, (5, 2_000)), others.clone()]);
        assert_eq!(low["try"], "hour");
        assert!(
            low["text"].as_str().unwrap().contains("from 21:00 to 00:00 UTC, when 15.0 % are clicked"),
            "{low}"
        );
        assert_eq!(low_of(&[counted("t", None, 3, (60, 600)), others]), json!(null));
    }

    #[test]
    fn what_is_not_clicked_because_nobody_has_it_has_no_rate() {
        let items = items(&[counted("t", None, 3, (0, 0))], By::Category);
        assert_eq!((items.len(), items[0].click_rate, items[0].low.is_none()), (1, None, true));
    }
}
