//! The name that was probably meant.

/// The name of `known` that is nearest to `given`, if one is near enough to be a slip of the fingers.
pub(super) fn nearest<'n>(given: &str, known: &[&'n str]) -> Option<&'n str> {
    let given = given.to_ascii_lowercase();
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&given, &name.to_ascii_lowercase()), *name))
        .filter(|(distance, name)| *distance <= (name.len() / 2).min(3))
        .min()
        .map(|(_, name)| name)
}
