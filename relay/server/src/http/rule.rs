//! Rules as they are read: their variants, what was counted of them, and which of them won.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use tidings_core::configuration::{Configuration, Rule, Winner};
use tidings_core::model::Win;
use tidings_core::ports::Trials;
use tidings_core::trial::{self, Judgement, Standing, Tally};
use tidings_protocol::RuleId;
use tidings_protocol::http::{ComparisonBody, RuleResponse, VariantBody, WinBody, WinnerBody};

use super::answer::Answered;
use super::problem::Problem;
use super::route::{At, Routes, Who};
use crate::access::{KeyCaller, Scope};
use crate::app::App;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/v1/rules/{id}", Who::Key(Scope::Read), show, |call| {
        call.about(
            "A rule of the live document: its variants, what was counted of them, and which of them won.",
        )
        .answer::<RuleResponse>(200, "The rule")
    })
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<KeyCaller>,
    At(id): At<RuleId>,
) -> Result<Response, Box<Problem>> {
    let configuration = app.live(&caller.project).await?;
    let rule = configuration.rules.get(&id).ok_or_else(|| Problem::not_found("rule", id.as_str()))?;
    let trials = app.ports.insight.trials(&caller.project, &id).await?;
    Ok(Answered::ok(&response(&configuration, rule, &trials)).response())
}

fn response(configuration: &Configuration, rule: &Rule, trials: &Trials) -> RuleResponse {
    let trial = configuration.trials.get(&rule.id);
    let counted = |name: &str| {
        let of = trials.tallies.iter().find(|(key, _)| Some(&key.trial) == trial && *key.variant == *name);
        of.map(|(_, tally)| *tally).unwrap_or_default()
    };
    let tallies: Vec<(&str, Tally)> =
        rule.variants.iter().map(|one| (one.name.as_str(), counted(&one.name))).collect();
    let variants = rule.variants.iter().zip(&tallies).map(|(variant, (_, tally))| VariantBody {
        name: variant.name.clone(),
        weight: variant.weight,
        template: variant.template.clone(),
        displayed: tally.displayed,
        read: tally.read,
        clicked: tally.clicked,
        converted: tally.converted,
    });
    let won = rule
        .winner
        .as_ref()
        .and_then(|winner| trials.wins.iter().find(|win| Some(&win.trial) == trial && win.by == winner.by));
    RuleResponse {
        id: rule.id.clone(),
        on: rule.on.clone(),
        category: rule.category.clone(),
        configuration: configuration.version,
        trial: trial.map(|name| name.to_string()),
        variants: variants.collect(),
        winner: rule.winner.as_ref().map(|winner| winner_body(winner, &tallies, won)),
        story: trials.wins.iter().map(win_body).collect(),
    }
}

fn winner_body(winner: &Winner, tallies: &[(&str, Tally)], won: Option<&Win>) -> WinnerBody {
    let judged = trial::judge(tallies, winner);
    let standing = judged.as_ref().map_or(Standing::TooFew, |judged| judged.standing);
    let judged = judged.filter(|_| tallies.iter().any(|(_, tally)| tally.displayed > 0));
    let state = match (won, standing) {
        (Some(_), _) => "won",
        (None, Standing::TooFew) => "too_few",
        // Whoever passed the limit wins with the next count: a `winner` that was added later has had none.
        (None, Standing::Open | Standing::Won) => "open",
    };
    WinnerBody {
        by: winner.by.as_str().to_owned(),
        after: winner.after,
        confidence: winner.confidence,
        state: state.to_owned(),
        variant: won.map(|win| win.variant.to_string()),
        best: judged.as_ref().map(|judged| judged.best.to_owned()),
        comparisons: judged.as_ref().map(comparisons).unwrap_or_default(),
    }
}

fn comparisons(judged: &Judgement<'_>) -> Vec<ComparisonBody> {
    let rounded = |number: f64| (number * 1_000.0).round() / 1_000.0;
    let body = |one: &trial::Comparison<'_>| ComparisonBody {
        variant: one.other.to_owned(),
        z: rounded(one.z),
        needed: one.needed.is_finite().then(|| rounded(one.needed)),
    };
    judged.comparisons.iter().map(body).collect()
}

fn win_body(win: &Win) -> WinBody {
    WinBody {
        at: win.at,
        trial: win.trial.to_string(),
        by: win.by.as_str().to_owned(),
        variant: win.variant.to_string(),
        configuration: win.configuration,
        text: win.text.to_string(),
    }
}
