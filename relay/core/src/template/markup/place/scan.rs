//! Follows tags through a text that comes in parts, as far as needed to know what a place is inside of. It judges
//! nothing: the parsers behind it do.

/// Elements that have no end.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];
/// Elements that the next of their kind ends.
const ENDED_BY_NEXT: [&str; 8] = ["p", "li", "td", "th", "tr", "dd", "dt", "option"];
/// Elements whose inside is no markup.
const RAW: [&str; 3] = ["style", "mj-style", "script"];

/// What a place is inside of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Around {
    /// The text of an element, or of none.
    Text(Option<String>),
    /// The value of an attribute.
    Tag,
    /// A tag, outside of the values of its attributes.
    TagName,
    /// A comment.
    Comment,
    /// A style sheet or program.
    Style,
}

/// Tells one element, or one attribute, from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inside {
    element: usize,
    attribute: Option<usize>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Text,
    /// After `<`: what was read of the tag.
    Tag { read: String, quote: Option<char> },
    /// After `<!--`: the last characters.
    Comment { last: String },
    /// In a raw element: what was read of it.
    Raw { name: String, inlined: bool, read: String },
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Scan {
    state: State,
    /// Elements that are open: their names, and which of all they are.
    open: Vec<(String, usize)>,
    /// Elements and attributes that were seen.
    seen: usize,
    deepest: usize,
    styles: Vec<(bool, String)>,
}

impl Scan {
    /// Goes on with the next part of the text.
    pub(super) fn read(&mut self, part: &str) {
        for character in part.chars() {
            self.next(character);
        }
    }

    /// What the place after everything that was read is inside of.
    pub(super) fn around(&self) -> Around {
        match &self.state {
            State::Text => Around::Text(self.open.last().map(|(name, _)| name.clone())),
            State::Tag { quote: Some(_), .. } => Around::Tag,
            State::Tag { quote: None, .. } => Around::TagName,
            State::Comment { .. } => Around::Comment,
            State::Raw { .. } => Around::Style,
        }
    }

    /// Which element or attribute that is.
    pub(super) fn inside(&self) -> Inside {
        let in_value = matches!(self.state, State::Tag { quote: Some(_), .. });
        let element = self.open.last().map_or(0, |(_, number)| *number);
        Inside { element, attribute: in_value.then_some(self.seen) }
    }

    /// The most elements that were open at a time.
    pub(super) const fn depth(&self) -> usize {
        self.deepest
    }

    /// The style sheets, with whether they are to be written into elements.
    pub(super) fn styles(self) -> impl Iterator<Item = (bool, String)> {
        self.styles.into_iter()
    }

    fn next(&mut self, character: char) {
        match &mut self.state {
            State::Text => {
                if character == '<' {
                    self.state = State::Tag { read: String::new(), quote: None };
                }
            }
            State::Tag { read, quote } => match *quote {
                Some(open) => {
                    read.push(character);
                    if character == open {
                        *quote = None;
                    }
                }
                None if character == '>' => {
                    let tag = std::mem::take(read);
                    self.state = State::Text;
                    self.tag(&tag);
                }
                None => {
                    read.push(character);
                    if read == "!--" {
                        self.state = State::Comment { last: String::new() };
                    } else if read.len() == 1 && !is_tag_start(character) {
                        self.state = State::Text;
                    } else if matches!(character, '"' | '\'') {
                        *quote = Some(character);
                        self.seen += 1;
                    }
                }
            },
            State::Comment { last } => {
                last.push(character);
                if last.ends_with("-->") {
                    self.state = State::Text;
                } else if last.len() > 8 {
                    *last = last.chars().rev().take(2).collect::<Vec<_>>().into_iter().rev().collect();
                }
            }
            State::Raw { name, inlined, read } => {
                read.push(character);
                if character == '>' {
                    let end = format!("</{name}");
                    let found = read.rfind("</").filter(|at| starts_with_name(&read[*at..], &end));
                    if let Some(at) = found {
                        self.styles.push((*inlined, read[..at].to_owned()));
                        self.state = State::Text;
                    }
                }
            }
        }
    }

    fn tag(&mut self, tag: &str) {
        if tag.starts_with(['!', '?']) {
            return;
        }
        if let Some(name) = tag.strip_prefix('/') {
            let name = name_of(name);
            if let Some(at) = self.open.iter().rposition(|(open, _)| *open == name) {
                self.open.truncate(at);
            }
            return;
        }
        let name = name_of(tag);
        if tag.ends_with('/') || VOID.contains(&name.as_str()) {
            return;
        }
        if RAW.contains(&name.as_str()) {
            let inlined = tag.replace(['"', '\''], "").contains("inline=inline");
            self.state = State::Raw { name, inlined, read: String::new() };
            return;
        }
        let same_before = self.open.last().is_some_and(|(open, _)| *open == name);
        if ENDED_BY_NEXT.contains(&name.as_str()) && same_before {
            self.open.pop();
        }
        self.seen += 1;
        self.open.push((name, self.seen));
        self.deepest = self.deepest.max(self.open.len());
    }
}

const fn is_tag_start(character: char) -> bool {
    character.is_ascii_alphabetic() || matches!(character, '/' | '!' | '?')
}

fn name_of(tag: &str) -> String {
    tag.trim_end_matches('/').split_ascii_whitespace().next().unwrap_or("").to_ascii_lowercase()
}

fn starts_with_name(text: &str, end: &str) -> bool {
    text.get(..end.len()).is_some_and(|start| start.eq_ignore_ascii_case(end))
}
