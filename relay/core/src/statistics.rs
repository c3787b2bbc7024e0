//! What came of many notifications: by template, variant, category, rule or channel; and templates that few people click,
//! with what to try.
//!
//! A template is pointed out if its rate of clicks is below half of that of all others of its category and both rest on
//! enough (`click_rate.rs`). What to try is what was better already: another variant of its rule, or another time of day;
//! else other words.

use std::collections::BTreeMap;

use tidings_protocol::{CategoryId, RuleId};

use crate::click_rate::Clicks;

/// Hours of a time of day that is compared with the others.
pub const BAND_HOURS: u8 = 3;

/// How many notifications were made, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Made, stopped ones too.
    pub made: u64,
    /// Those that reached somebody.
    pub reached: u64,
    /// Those that were displayed, or answered.
    pub displayed: u64,
    /// Those that were read.
    pub read: u64,
    /// Those of which a link was followed.
    pub clicked: u64,
    /// Those of which an action was chosen.
    pub acted: u64,
    /// Those that were converted.
    pub converted: u64,
    /// Those whose mail a program opened. None of them is displayed by that.
    pub opened_by_program: u64,
    /// Those of whose mail a program followed a link. None of them is clicked by that.
    pub followed_by_program: u64,
}

impl Sums {
    /// With those of another group.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self {
            made: self.made + more.made,
            reached: self.reached + more.reached,
            displayed: self.displayed + more.displayed,
            read: self.read + more.read,
            clicked: self.clicked + more.clicked,
            acted: self.acted + more.acted,
            converted: self.converted + more.converted,
            opened_by_program: self.opened_by_program + more.opened_by_program,
            followed_by_program: self.followed_by_program + more.followed_by_program,
        }
    }

    /// What is clicked of what reached somebody.
    #[must_use]
    pub const fn clicks(self) -> Clicks {
        Clicks { reached: self.reached, clicked: self.clicked }
    }
}

/// What notifications that are counted together have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// What they are about.
    pub category: CategoryId,
    /// By which rule; none for direct sends.
    pub rule: Option<RuleId>,
    /// In the words of which template; none for literal words, and for rows that were erased.
    pub template: Option<Box<str>>,
    /// In which variant.
    pub variant: Option<Box<str>>,
    /// When they left their holds: the hours of UTC from [`BAND_HOURS`] times this on; none if they never did.
    pub band: Option<u8>,
}

/// By what notifications are summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// By template.
    Template,
    /// By rule and variant.
    Variant,
    /// By category.
    Category,
    /// By rule.
    Rule,
}

/// A group: what is the same in it, beside the rule where the group is one of a rule's variants.
pub type Group = (Option<RuleId>, Option<Box<str>>);

/// Sums up by one thing, in the order of its values.
#[must_use]
pub fn sum_up(counted: &[(Kind, Sums)], by: By) -> BTreeMap<Group, Sums> {
    let mut groups: BTreeMap<Group, Sums> = BTreeMap::new();
    for (kind, sums) in counted {
        let group: Group = match by {
            By::Template => (None, kind.template.clone()),
            By::Variant if kind.variant.is_none() => continue,
            By::Variant => (kind.rule.clone(), kind.variant.clone()),
            By::Category => (None, Some(kind.category.as_str().into())),
            By::Rule => (None, kind.rule.as_ref().map(|rule| rule.as_str().into())),
        };
        let of = groups.entry(group).or_default();
        *of = of.and(*sums);
    }
    groups
}

/// That few people click a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Low {
    /// What is clicked of it.
    pub own: Clicks,
    /// In which category.
    pub category: CategoryId,
    /// What is clicked of all others of the category.
    pub others: Clicks,
    /// What to try.
    pub suggestion: Suggestion,
}

/// What to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suggestion {
    /// Another variant of the rule is clicked more.
    Variant {
        /// Of which rule.
        rule: RuleId,
        /// Which.
        variant: Box<str>,
        /// What is clicked of it.
        clicks: Clicks,
    },
    /// At another time of day it is clicked more.
    Hour {
        /// From this hour of UTC on.
        from: u8,
        /// What is clicked of what was sent then.
        clicks: Clicks,
    },
    /// Nothing was better: other words.
    Words,
}

/// What is wrong with a template, if something is: in the category in which it is the furthest behind.
#[must_use]
pub fn low(counted: &[(Kind, Sums)], template: &str) -> Option<Low> {
    let is_own = |kind: &Kind| kind.template.as_deref() == Some(template);
    let mut categories: BTreeMap<&CategoryId, [Clicks; 2]> = BTreeMap::new();
    for (kind, sums) in counted {
        let clicks = &mut categories.entry(&kind.category).or_default()[usize::from(is_own(kind))];
        *clicks = together(*clicks, sums.clicks());
    }
    let behind = categories.into_iter().filter(|(_, [others, own])| own.is_low_beside(*others));
    let (category, [others, own]) = behind.min_by_key(|(_, [_, own])| own.per_mille())?;
    let theirs: Vec<&(Kind, Sums)> = counted.iter().filter(|(kind, _)| kind.category == *category).collect();
    let suggestion = better_variant(&theirs, template, own)
        .or_else(|| better_hour(&theirs, template, own))
        .unwrap_or(Suggestion::Words);
    Some(Low { own, category: category.clone(), others, suggestion })
}

const fn together(one: Clicks, other: Clicks) -> Clicks {
    Clicks { reached: one.reached + other.reached, clicked: one.clicked + other.clicked }
}

/// A variant of a rule that says it in this template, beside which the template is low, too.
fn better_variant(counted: &[&(Kind, Sums)], template: &str, own: Clicks) -> Option<Suggestion> {
    let is_own = |kind: &Kind| kind.template.as_deref() == Some(template);
    let mut variants: BTreeMap<(&RuleId, &str), Clicks> = BTreeMap::new();
    for (kind, sums) in counted {
        let (Some(rule), Some(variant)) = (&kind.rule, &kind.variant) else { continue };
        let of_rule = |other: &&&(Kind, Sums)| other.0.rule.as_ref() == Some(rule) && is_own(&other.0);
        if !is_own(kind) && counted.iter().any(|other| of_rule(&other)) {
            let of = variants.entry((rule, variant)).or_default();
            *of = together(*of, sums.clicks());
        }
    }
    let better = variants.into_iter().filter(|(_, clicks)| own.is_low_beside(*clicks));
    let ((rule, variant), clicks) = better.max_by_key(|(_, clicks)| clicks.per_mille())?;
    Some(Suggestion::Variant { rule: rule.clone(), variant: variant.into(), clicks })
}

/// A time of day at which the template is clicked more than twice as often as at all others.
fn better_hour(counted: &[&(Kind, Sums)], template: &str, own: Clicks) -> Option<Suggestion> {
    let mut bands: BTreeMap<u8, Clicks> = BTreeMap::new();
    for (kind, sums) in counted.iter().filter(|(kind, _)| kind.template.as_deref() == Some(template)) {
        let Some(band) = kind.band else { continue };
        let of = bands.entry(band).or_default();
        *of = together(*of, sums.clicks());
    }
    let rest = |clicks: Clicks| Clicks {
        reached: own.reached.saturating_sub(clicks.reached),
        clicked: own.clicked.saturating_sub(clicks.clicked),
    };
    let better = bands.into_iter().filter(|(_, clicks)| rest(*clicks).is_low_beside(*clicks));
    let (band, clicks) = better.max_by_key(|(_, clicks)| clicks.per_mille())?;
    Some(Suggestion::Hour { from: band * BAND_HOURS, clicks })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn kind(template: &str, variant: Option<&str>, band: u8) -> Kind {
        Kind {
            category: "offers".parse().unwrap(),
            rule: Some("promotion".parse().unwrap()),
            template: Some(template.into()),
            variant: variant.map(Into::into),
            band: Some(band),
        }
    }

    const fn sums(clicked: u64, reached: u64) -> Sums {
        let none = Sums {
            made: 0,
            reached: 0,
            displayed: 0,
            read: 0,
            clicked: 0,
            acted: 0,
            converted: 0,
            opened_by_program: 0,
            followed_by_program: 0,
        };
        Sums { made: reached, reached, clicked, ..none }
    }

    #[rstest]
    #[case::below_half(29, 600, true)]
    #[case::half(30, 600, false)]
    #[case::too_few(0, 99, false)]
    fn a_template_is_low_below_half_of_its_category(
        #[case] clicked: u64,
        #[case] reached: u64,
        #[case] is: bool,
    ) {
        let counted = [(kind("t", None, 3), sums(clicked, reached)), (kind("u", None, 3), sums(400, 4_000))];
        let low = low(&counted, "t");
        assert_eq!(low.is_some(), is);
        assert!(low.is_none_or(|low| low.suggestion == Suggestion::Words && low.others.reached == 4_000));
        assert_eq!(super::low(&counted, "u"), None);
    }

    #[test]
    fn another_category_says_nothing() {
        let mut other = kind("u", None, 3);
        other.category = "orders".parse().unwrap();
        assert_eq!(low(&[(kind("t", None, 3), sums(1, 1_000)), (other, sums(900, 1_000))], "t"), None);
    }

    #[test]
    fn the_variant_that_is_clicked_more_is_the_first_thing_to_try() {
        let counted = [
            (kind("t", Some("long"), 3), sums(20, 1_000)),
            (kind("u", Some("short"), 3), sums(100, 1_000)),
            (kind("v", Some("brisk"), 3), sums(150, 1_000)),
        ];
        let Suggestion::Variant { variant, clicks, .. } = low(&counted, "t").unwrap().suggestion else {
            panic!()
        };
        assert_eq!((&*variant, clicks.clicked), ("brisk", 150));
    }

    #[test]
    fn then_the_time_of_day_at_which_it_is_clicked_more() {
        let counted = [
            (kind("t", None, 3), sums(60, 400)),
            (kind("t", None, 7), sums(5, 2_000)),
            (kind("u", None, 7), sums(400, 4_000)),
        ];
        let clicks = Clicks { reached: 400, clicked: 60 };
        assert_eq!(low(&counted, "t").unwrap().suggestion, Suggestion::Hour { from: 9, clicks });
    }

    #[test]
    fn sums_are_by_what_was_asked() {
        let counted = [
            (kind("t", Some("long"), 3), sums(2, 10)),
            (kind("t", Some("long"), 4), sums(1, 5)),
            (kind("u", Some("short"), 4), sums(4, 6)),
        ];
        let of = |by| {
            let groups = sum_up(&counted, by).into_iter();
            groups
                .map(|((_, value), sums)| format!("{}:{}", value.unwrap_or_default(), sums.clicked))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(By::Template), ["t:3", "u:4"]);
        assert_eq!(of(By::Variant), ["long:3", "short:4"]);
        assert_eq!(
            (of(By::Category), of(By::Rule)),
            (vec!["offers:7".to_owned()], vec!["promotion:7".to_owned()])
        );
    }
}
