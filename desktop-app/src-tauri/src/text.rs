//! What a stranger wrote, made fit for a line on the screen. It decides nothing about what the text means.

/// Characters of a title or preview in a list.
pub(crate) const LINE_CHARS_MAX: usize = 240;
/// Characters of a body in the window: more than anybody reads, and little enough to lay out at once.
pub(crate) const BODY_CHARS_MAX: usize = 20_000;
/// Characters of a body on a popup; daemons cut it off sooner.
pub(crate) const POPUP_CHARS_MAX: usize = 400;

/// One line without control characters and without marks that turn the direction of what stands around it.
pub(crate) fn line(text: &str, chars_max: usize) -> String {
    let plain = text.chars().filter(|c| !turns_direction(*c)).map(|c| if c.is_control() { ' ' } else { c });
    let mut kept = String::new();
    let mut count = 0;
    for c in plain {
        if c == ' ' && (kept.is_empty() || kept.ends_with(' ')) {
            continue;
        }
        if count == chars_max {
            kept.push('…');
            break;
        }
        kept.push(c);
        count += 1;
    }
    kept.truncate(kept.trim_end().len());
    kept
}

/// Several lines, with the same care.
pub(crate) fn paragraphs(text: &str, chars_max: usize) -> String {
    let is_kept = |c: &char| (!c.is_control() || matches!(c, '\n' | '\t')) && !turns_direction(*c);
    let mut kept: String = text.chars().filter(is_kept).take(chars_max).collect();
    if text.chars().filter(is_kept).nth(chars_max).is_some() {
        kept.push('…');
    }
    kept
}

/// For a notification daemon that reads a body as markup.
pub(crate) fn without_markup(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            c => safe.push(c),
        }
    }
    safe
}

/// Embeddings, overrides and isolates (UAX 9, section 2). The marks of a single character's direction may stay.
const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_breaks_and_no_turned_direction() {
        assert_eq!(line("a\u{202E}b\n\tc \u{2067}d\u{0}", 99), "ab c d");
        assert_eq!(line("عربي שלום", 99), "عربي שלום");
    }

    #[test]
    fn a_title_of_100_kb_is_cut() {
        let cut = line(&"界".repeat(100_000), LINE_CHARS_MAX);
        assert_eq!(cut.chars().count(), LINE_CHARS_MAX + 1);
        assert!(cut.ends_with('…'));
        assert_eq!(paragraphs(&"x".repeat(30_000), BODY_CHARS_MAX).chars().count(), BODY_CHARS_MAX + 1);
        assert_eq!(paragraphs("a\nb", BODY_CHARS_MAX), "a\nb");
    }

    #[test]
    fn markup_is_shown_as_it_was_written() {
        assert_eq!(without_markup("<b>5 > 4 & so</b>"), "&lt;b&gt;5 &gt; 4 &amp; so&lt;/b&gt;");
    }
}
