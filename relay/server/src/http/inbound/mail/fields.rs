//! Headers and parts of a mail, as far as reports need them (RFC 5322, RFC 2046).

/// Parts inside one another; a report has two levels.
const DEPTH_MAX: usize = 4;
/// Parts of a mail that are looked at.
const PARTS_MAX: usize = 32;

/// A block of `Name: value` lines. Names compare without case; folded lines are one.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The fields of a text, and what comes behind the empty line after them.
    pub(super) fn read(text: &str) -> (Self, &str) {
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut rest = text;
        loop {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            let at_end = after.is_empty() && !rest.contains('\n');
            let line = line.trim_end_matches('\r');
            rest = after;
            if line.is_empty() {
                break;
            }
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = fields.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            } else if let Some((name, value)) = line.split_once(':') {
                fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
            if at_end {
                break;
            }
        }
        (Self(fields), rest)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The media type in lower case, without its parameters.
    pub(super) fn media(&self) -> String {
        let media = self.get("content-type").unwrap_or("text/plain");
        media.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
    }

    /// A parameter of the media type.
    fn parameter(&self, name: &str) -> Option<String> {
        let media = self.get("content-type")?;
        media.split(';').skip(1).find_map(|parameter| {
            let (known, value) = parameter.split_once('=')?;
            let value = value.trim().trim_matches('"');
            known.trim().eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }
}

/// One part: its media type and its text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) media: String,
    pub(super) text: String,
}

/// The parts of a mail that hold no other parts, in order.
pub(super) fn parts(mail: &str) -> Vec<Part> {
    let mut found = Vec::new();
    gather(mail, 0, &mut found);
    found
}

fn gather(mail: &str, depth: usize, found: &mut Vec<Part>) {
    if depth > DEPTH_MAX || found.len() >= PARTS_MAX {
        return;
    }
    let (fields, body) = Fields::read(mail);
    let boundary = fields.parameter("boundary").filter(|_| fields.media().starts_with("multipart/"));
    let Some(boundary) = boundary else {
        found.push(Part { media: fields.media(), text: decoded(&fields, body) });
        return;
    };
    let (opening, closing) = (format!("--{boundary}"), format!("--{boundary}--"));
    let mut part: Option<String> = None;
    for line in body.split_inclusive('\n') {
        let bare = line.trim_end();
        if bare == opening || bare == closing {
            if let Some(part) = part.take() {
                gather(&part, depth + 1, found);
            }
            if bare == closing {
                return;
            }
            part = Some(String::new());
        } else if let Some(part) = &mut part {
            part.push_str(line);
        }
    }
    if let Some(part) = part {
        gather(&part, depth + 1, found);
    }
}

/// What a part says, without its transfer encoding.
fn decoded(fields: &Fields, body: &str) -> String {
    use base64::Engine as _;
    let encoding = fields.get("content-transfer-encoding").unwrap_or("").to_ascii_lowercase();
    match encoding.as_str() {
        "base64" => {
            let dense: String = body.split_ascii_whitespace().collect();
            let bytes = base64::engine::general_purpose::STANDARD.decode(dense).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        "quoted-printable" => quoted_printable(body),
        _ => body.to_owned(),
    }
}

fn quoted_printable(body: &str) -> String {
    let joined = body.replace("=\r\n", "").replace("=\n", "");
    let mut bytes = Vec::with_capacity(joined.len());
    let mut rest = joined.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = hex.filter(|_| *first == b'=').and_then(|pair| u8::from_str_radix(pair, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
