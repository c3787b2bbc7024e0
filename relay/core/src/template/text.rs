//! One checked source, and its rendering into a bounded output.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, LazyLock, OnceLock};

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};

use super::error::{RenderError, TemplateError, TemplateErrorKind};
use super::scope::{Rendering, Roots, path_of, raise};
use super::{FUEL_MAX, SOURCE_BYTES_MAX, filters, grammar};

/// One checked source. Cheap to clone, and the clones share what is compiled; only the first rendering parses.
#[derive(Clone)]
pub struct TemplateText {
    compiled: Arc<Compiled>,
}

struct Compiled {
    source: Box<str>,
    fields: Vec<String>,
    is_literal: bool,
    compared: BTreeSet<usize>,
    /// Made by the first rendering. minijinja's instructions take 7 KiB however short the source is, and most texts of
    /// a large configuration are never rendered by one process.
    environment: OnceLock<Environment<'static>>,
}

/// The name of the only template of an environment.
const NAME: &str = "template";

impl TemplateText {
    /// Checks and compiles `source`.
    ///
    /// # Errors
    /// The first mistake, with its place and what to write.
    pub fn compile(source: &str) -> Result<Self, TemplateError> {
        if source.len() > SOURCE_BYTES_MAX {
            let kind = TemplateErrorKind::SourceTooLong { actual: source.len() };
            return Err(TemplateError::new(0..source.len(), kind));
        }
        Self::compile_any(source)
    }

    /// Compiles a source whose length was checked.
    pub(super) fn compile_any(source: &str) -> Result<Self, TemplateError> {
        let checked = grammar::check(source)?;
        let is_literal = checked.is_literal && !source.contains("{#");
        if !is_literal {
            environment_of(source, &checked.compared)?;
        }
        let compared = checked.compared;
        let fields = checked.fields.into_iter().collect();
        let environment = OnceLock::new();
        Ok(Self {
            compiled: Arc::new(Compiled { source: source.into(), fields, is_literal, compared, environment }),
        })
    }

    /// The source as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.compiled.source
    }

    /// The paths that are used, in the order of their names: `data.order_id`, `digest.items[].data.name`.
    #[must_use]
    pub fn fields(&self) -> &[String] {
        &self.compiled.fields
    }

    /// There is nothing to fill in: every rendering gives the source.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.compiled.is_literal
    }

    /// Renders into at most `bytes_max` bytes; `field` names the form's field in errors.
    pub(super) fn render(
        &self,
        roots: &Arc<Roots>,
        field: &'static str,
        bytes_max: usize,
    ) -> Result<String, RenderError> {
        if self.is_literal() {
            let source = self.source();
            if source.len() > bytes_max {
                return Err(RenderError::TooLong { field, limit: bytes_max, actual: source.len() });
            }
            return Ok(source.to_owned());
        }
        let template = self.compiled.template();
        let mut output = Bounded { written: Vec::new(), bytes_max, overflow: None };
        let outcome =
            template.render_captured_to(minijinja::Value::from_dyn_object(Arc::clone(roots)), &mut output);
        if let Some(actual) = output.overflow {
            return Err(RenderError::TooLong { field, limit: bytes_max, actual });
        }
        if let Some(raised) = roots.trouble().take_raised() {
            return Err(raised);
        }
        match outcome {
            Ok(_) => Ok(String::from_utf8_lossy(&output.written).into_owned()),
            Err(error) => Err(render_error(&error, roots)),
        }
    }
}

impl Compiled {
    fn template(&self) -> minijinja::Template<'_, '_> {
        let environment = self
            .environment
            .get_or_init(|| environment_of(&self.source, &self.compared).expect("compile has tried it"));
        environment.get_template(NAME).expect("environment_of adds it under this name")
    }
}

impl fmt::Debug for TemplateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TemplateText").field(&self.source()).finish()
    }
}

impl PartialEq for TemplateText {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl Eq for TemplateText {}

/// Filters, tests and limits of every template. A clone shares them, so a text costs its own instructions only.
static BASE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_fuel(Some(FUEL_MAX));
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_formatter(write_value);
    environment.set_syntax(syntax());
    filters::install(&mut environment);
    environment
});

/// A last newline stays: a text with something to fill in ends as one without.
fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder().keep_trailing_newline(true).build().expect("the delimiters are minijinja's own")
}

fn environment_of(source: &str, compared: &BTreeSet<usize>) -> Result<Environment<'static>, TemplateError> {
    let mut environment = BASE.clone();
    environment.add_template_owned(NAME, guarded(source, compared)).map_err(|error| {
        let detail = error.detail().unwrap_or("it cannot be parsed").to_owned();
        TemplateError::new(line_range(source, error.line()), TemplateErrorKind::Malformed { detail })
    })?;
    Ok(environment)
}

/// The source with a filter behind each compared path that fails if the field is missing. Lines stay what they are.
fn guarded(source: &str, compared: &BTreeSet<usize>) -> String {
    let mut guarded = String::with_capacity(source.len());
    let mut from = 0;
    for end in compared {
        guarded.push_str(&source[from..*end]);
        guarded.push_str(" | ");
        guarded.push_str(filters::GIVEN);
        guarded.push(' ');
        from = *end;
    }
    guarded.push_str(&source[from..]);
    guarded
}

fn line_range(source: &str, line: Option<usize>) -> Range<usize> {
    let Some(index) = line.and_then(|line| line.checked_sub(1)) else { return 0..source.len() };
    let start = source.split_inclusive('\n').take(index).map(str::len).sum::<usize>().min(source.len());
    let length = source[start..].find('\n').unwrap_or(source.len() - start);
    start..start + length
}

fn write_value(
    output: &mut minijinja::Output<'_>,
    state: &mut minijinja::State<'_, '_>,
    value: &minijinja::Value,
) -> Result<(), minijinja::Error> {
    if value.is_undefined() {
        return Err(minijinja::Error::from(ErrorKind::UndefinedError));
    }
    if value.as_object().is_some() {
        let field = path_of(value).unwrap_or_else(|| "the value".to_owned());
        return Err(raise(state, RenderError::NotText { field }));
    }
    if value.is_none() {
        return Ok(());
    }
    let text = value.to_str().unwrap_or_else(|| value.to_string().into());
    // What minijinja marks as safe (the outcome of tojson) may hold quotation marks, so it is escaped like the rest.
    if Rendering::of(state).escapes {
        return text
            .split_inclusive(['<', '>', '&', '"', '\''])
            .try_for_each(|part| write_escaped(output, part));
    }
    Ok(output.write_str(&text)?)
}

/// Writes a part that has at most one character with a meaning in HTML, which is its last.
fn write_escaped(output: &mut minijinja::Output<'_>, part: &str) -> Result<(), minijinja::Error> {
    let escaped = match part.as_bytes().last() {
        Some(b'<') => "&lt;",
        Some(b'>') => "&gt;",
        Some(b'&') => "&amp;",
        Some(b'"') => "&quot;",
        Some(b'\'') => "&#39;",
        _ => return Ok(output.write_str(part)?),
    };
    output.write_str(&part[..part.len() - 1])?;
    Ok(output.write_str(escaped)?)
}

fn render_error(error: &minijinja::Error, roots: &Roots) -> RenderError {
    /// What an error says of a path or a reason, in characters.
    const SHOWN_CHARS_MAX: usize = 200;
    if error.kind() == ErrorKind::OutOfFuel {
        return RenderError::Fuel;
    }
    let shown = |text: &str| text.chars().take(SHOWN_CHARS_MAX).collect();
    let detail = error.detail().unwrap_or("a value has the wrong type");
    // Arithmetic reports an undefined operand as one of a wrong type; the detail names types and no content.
    if error.kind() == ErrorKind::UndefinedError || detail.contains("undefined") {
        let path = roots.trouble().take_missing();
        return RenderError::MissingField {
            path: path.map_or_else(|| "a field".to_owned(), |path| shown(&path)),
        };
    }
    RenderError::Evaluation { detail: shown(detail) }
}

/// Takes bytes up to a limit and fails beyond it.
#[derive(Debug)]
struct Bounded {
    written: Vec<u8>,
    bytes_max: usize,
    /// The length that would have been reached.
    overflow: Option<usize>,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.written.len() + bytes.len();
        if length > self.bytes_max {
            self.overflow = Some(length);
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
