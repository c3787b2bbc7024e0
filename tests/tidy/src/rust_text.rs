//! A Rust file taken apart into code, literals and comments, line by line.
//!
//! It is a lexer and no parser: enough to keep a rule about code from tripping over a sentence that speaks about it.

/// The parts of a file. Each has the file's length in characters and its line breaks; what is not of the part is blank.
#[derive(Debug)]
pub struct RustText {
    /// Code; of literals only the quotes.
    pub code: String,
    /// Comments with their slashes.
    pub comments: String,
    /// The code without what is compiled for tests only.
    pub shipped: String,
}

impl RustText {
    /// Takes a text apart.
    pub fn new(text: &str) -> Self {
        let (code, comments) = parts(text);
        let shipped = without_tests(&code);
        Self { code, comments, shipped }
    }

    /// The names of modules `#[cfg(test)] mod name;` in files of their own.
    pub fn test_modules(&self) -> Vec<String> {
        self.code
            .split("#[cfg(test)]")
            .skip(1)
            .filter_map(|after| {
                let item = after.trim_start();
                let item = item.strip_prefix("pub(crate) ").unwrap_or(item);
                let (name, _) = item.strip_prefix("mod ")?.split_once(';')?;
                let name = name.trim();
                name.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| name.to_owned())
            })
            .collect()
    }
}

/// Whether a word stands at a byte offset, not as a part of a longer one.
pub(crate) fn is_whole_word(line: &str, at: usize, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    !line[..at].chars().next_back().is_some_and(is_name)
        && !line[at + word.len()..].chars().next().is_some_and(is_name)
}

/// Whether a line names a word.
pub(crate) fn names_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| is_whole_word(line, at, word))
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Code,
    Literal,
    LineComment,
    BlockComment { depth: usize },
}

fn parts(text: &str) -> (String, String) {
    let chars: Vec<char> = text.chars().collect();
    let (mut code, mut comments) = (String::with_capacity(text.len()), String::with_capacity(text.len()));
    let mut at = 0;
    while at < chars.len() {
        let (part, end) = next_part(&chars, at);
        for (offset, &c) in chars[at..end].iter().enumerate() {
            let blank = if c == '\n' { '\n' } else { ' ' };
            let is_quote = part == Part::Literal && (at + offset + 1 == end || offset == 0);
            let in_code = part == Part::Code || is_quote;
            let in_comment = matches!(part, Part::LineComment | Part::BlockComment { .. });
            code.push(if in_code { c } else { blank });
            comments.push(if in_comment { c } else { blank });
        }
        at = end;
    }
    (code, comments)
}

/// The part that begins at a place, and where it ends.
fn next_part(chars: &[char], at: usize) -> (Part, usize) {
    let follows = |word: &str| word.chars().enumerate().all(|(i, c)| chars.get(at + i) == Some(&c));
    if follows("//") {
        let end = chars[at..].iter().position(|&c| c == '\n').map_or(chars.len(), |n| at + n);
        return (Part::LineComment, end);
    }
    if follows("/*") {
        return (Part::BlockComment { depth: 1 }, after_block_comment(chars, at));
    }
    let in_name = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    if !in_name && let Some(end) = after_raw_string(chars, at) {
        return (Part::Literal, end);
    }
    match chars[at] {
        '"' => (Part::Literal, after_quoted(chars, at, '"')),
        '\'' if is_char_literal(chars, at) => (Part::Literal, after_quoted(chars, at, '\'')),
        _ => (Part::Code, at + 1),
    }
}

fn after_block_comment(chars: &[char], at: usize) -> usize {
    let (mut depth, mut here) = (0_usize, at);
    while here < chars.len() {
        match (chars[here], chars.get(here + 1)) {
            ('/', Some('*')) => (depth, here) = (depth + 1, here + 2),
            ('*', Some('/')) => (depth, here) = (depth - 1, here + 2),
            _ => here += 1,
        }
        if depth == 0 {
            break;
        }
    }
    here.min(chars.len())
}

/// `r"…"`, `r#"…"#`, and with `b` or `c` before; none if no raw string begins here.
fn after_raw_string(chars: &[char], at: usize) -> Option<usize> {
    let mut here = at + usize::from(matches!(chars[at], 'b' | 'c'));
    if chars.get(here) != Some(&'r') {
        return None;
    }
    here += 1;
    let hashes = chars[here..].iter().take_while(|&&c| c == '#').count();
    here += hashes;
    if chars.get(here) != Some(&'"') {
        return None;
    }
    let is_end =
        |&quote: &usize| chars[quote] == '"' && (1..=hashes).all(|n| chars.get(quote + n) == Some(&'#'));
    let end = (here + 1..chars.len()).find(is_end).map_or(chars.len(), |quote| quote + 1 + hashes);
    Some(end)
}

fn after_quoted(chars: &[char], at: usize, quote: char) -> usize {
    let mut here = at + 1;
    while here < chars.len() {
        match chars[here] {
            '\\' => here += 2,
            c if c == quote => return here + 1,
            _ => here += 1,
        }
    }
    chars.len()
}

/// A quote opens a character if one follows and is closed, or if it is escaped; else it begins a lifetime.
fn is_char_literal(chars: &[char], at: usize) -> bool {
    chars.get(at + 1) == Some(&'\\') || chars.get(at + 2) == Some(&'\'')
}

/// Blanks each item after `#[cfg(test)]`, to its closing brace or semicolon.
fn without_tests(code: &str) -> String {
    let mut shipped = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        shipped.push_str(&rest[..at]);
        let item = &rest[at..];
        let end = after_item(item);
        shipped.extend(item[..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &item[end..];
    }
    shipped.push_str(rest);
    shipped
}

fn after_item(item: &str) -> usize {
    let (mut braces, mut brackets) = (0_i32, 0_i32);
    for (at, c) in item.char_indices() {
        match c {
            '[' | '(' => brackets += 1,
            ']' | ')' => brackets -= 1,
            '{' => braces += 1,
            '}' => braces -= 1,
            _ => {}
        }
        let closes = matches!(c, '}' | ';') && braces == 0;
        if closes && brackets == 0 {
            return at + 1;
        }
    }
    item.len()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::RustText;

    #[rstest]
    #[case::line_comment("a // b\nc", "a     \nc")]
    #[case::nested_comment("a /* /* b */ */ c", "a               c")]
    #[case::string("f(\"x // y\") z", "f(\"      \") z")]
    #[case::escaped_quote(r#"("a\"b") c"#, r#"("    ") c"#)]
    #[case::raw_string("r#\"a\"b\"# c", "r      # c")]
    #[case::raw_name("r#type x", "r#type x")]
    #[case::character("'{' a", "' ' a")]
    #[case::lifetime("<'a> b", "<'a> b")]
    fn literals_and_comments_are_no_code(#[case] text: &str, #[case] code: &str) {
        assert_eq!(RustText::new(text).code, code);
    }

    #[test]
    fn what_is_compiled_for_tests_is_not_shipped() {
        let text = RustText::new("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { '}'; }\n}\nfn c() {}\n");
        assert!(text.code.contains("fn b"));
        assert!(!text.shipped.contains("fn b"));
        assert!(text.shipped.contains("fn a") && text.shipped.contains("fn c"));
        assert_eq!(text.shipped.lines().count(), 6);
    }

    #[test]
    fn comments_keep_their_lines() {
        assert_eq!(RustText::new("let a; // one\n// two").comments, "       // one\n// two");
    }
}
