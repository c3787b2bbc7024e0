//! Many seeds, each a whole history.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tidings_simulation::coverage::{Coverage, missing, table};
use tidings_simulation::run::{Shape, Verdict, play};

/// Seeds of the normal run.
const SEEDS: u64 = 1_000;
/// Each seed has at least so many steps.
const STEPS_MIN: u64 = 200;

#[test]
fn a_calm_world_of_one_node_and_one_device_is_in_order() {
    for seed in 0..20 {
        let verdict = play(seed, Shape::CALM);
        assert!(verdict.violations.is_empty(), "{}", report(&verdict));
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in [3, 14, 159] {
        let (one, other) = (play(seed, Shape::WHOLE), play(seed, Shape::WHOLE));
        assert_eq!((one.fingerprint, one.steps), (other.fingerprint, other.steps), "seed {seed}");
        assert_ne!(one.fingerprint, play(seed + 1, Shape::WHOLE).fingerprint);
    }
}

#[test]
fn every_seed_keeps_every_promise() {
    if let Some(seed) = number("TIDINGS_SEED") {
        let verdict = play(seed, Shape::WHOLE);
        assert!(verdict.violations.is_empty(), "{}", report(&verdict));
        return;
    }
    let seeds = number("TIDINGS_SEEDS").unwrap_or(SEEDS);
    let (next, coverage) = (AtomicU64::new(0), Mutex::new(Coverage::default()));
    let failed: Mutex<Option<Verdict>> = Mutex::new(None);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            let verdict = play(seed, Shape::WHOLE);
            if verdict.violations.is_empty() && verdict.steps >= STEPS_MIN {
                coverage.lock().unwrap_or_else(PoisonError::into_inner).join(verdict.coverage);
            } else {
                next.store(seeds, Ordering::Relaxed);
                let mut first = failed.lock().unwrap_or_else(PoisonError::into_inner);
                if first.as_ref().is_none_or(|first| verdict.seed < first.seed) {
                    *first = Some(verdict);
                }
            }
        }
    };
    std::thread::scope(|threads| {
        threads.spawn(work);
        work();
    });
    if let Some(verdict) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        panic!("{}", report(&verdict));
    }
    let coverage = coverage.into_inner().unwrap_or_else(PoisonError::into_inner);
    say(&table(&coverage));
    let missing = missing(&coverage);
    assert!(seeds < SEEDS || missing.is_empty(), "{missing:#?}");
}

/// The table is the run's result, for whoever asks to see what tests say.
fn say(text: &str) {
    use std::io::Write as _;
    std::io::stdout().write_all(text.as_bytes()).expect("standard output takes the table");
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

fn report(verdict: &Verdict) -> String {
    format!(
        "{:#?}\n{}\nseed {} failed after {} steps. To replay it:\n  TIDINGS_SEED={} cargo test -p tidings-simulation --test seeds every_seed",
        verdict.violations,
        verdict.trace.join("\n"),
        verdict.seed,
        verdict.steps,
        verdict.seed,
    )
}
