//! `plural(one='1 parcel', other='# parcels')`: CLDR's categories choose the text, `#` becomes the number.

use fixed_decimal::Decimal;
use icu_plurals::{PluralCategory, PluralOperands, PluralRuleType, PluralRules};
use minijinja::value::Kwargs;
use minijinja::{Error, State, Value};

use super::super::scope::Rendering;
use super::super::vocabulary::PLURAL_CATEGORIES;
use super::{decimal, not_a_number, present, refuse};

/// `#`s in one text.
const PLACES_MAX: usize = 8;

#[expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]
pub(super) fn plural(state: &State<'_, '_>, value: &Value, texts: Kwargs) -> Result<String, Error> {
    let count = decimal::parsed(present(value)?).ok_or_else(|| not_a_number(state, "plural", value))?;
    let rendering = Rendering::of(state);
    let locale = &rendering.locale;
    let rules = PluralRules::try_new(locale.identifier().into(), PluralRuleType::Cardinal.into());
    let category =
        rules.map_or(PluralCategory::Other, |rules| rules.category_for(PluralOperands::from(&count)));
    let chosen = choose(&texts, &count, category)?;
    if chosen.matches('#').count() > PLACES_MAX {
        return Err(refuse(state, "plural", format!("a text has more than {PLACES_MAX} #")));
    }
    Ok(chosen.replace('#', &decimal::written(&count, &rendering.reader)))
}

/// `zero` is taken for the number 0 in every language, as people expect it; else the category's text, else `other`.
fn choose(texts: &Kwargs, count: &Decimal, category: PluralCategory) -> Result<String, Error> {
    let name = match category {
        PluralCategory::Zero => "zero",
        PluralCategory::One => "one",
        PluralCategory::Two => "two",
        PluralCategory::Few => "few",
        PluralCategory::Many => "many",
        PluralCategory::Other => "other",
    };
    let is_zero = count.absolute.is_zero();
    let wanted = [is_zero.then_some("zero"), Some(name), Some("other")];
    let found = wanted.into_iter().flatten().find(|name| texts.has(name)).unwrap_or(PLURAL_CATEGORIES[5]);
    texts.get(found)
}
