//! A configuration document and the files beside it, read and checked on this machine.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::{fs, str};

use serde_json::{Value, json};
use tidings_core::configuration::{Bundle, Configuration, Mistakes, check};
use tidings_protocol::limits::CONFIGURATION_BYTES_MAX;

use crate::error::CommandError;

/// Reads the document at a path, or from standard input for `-`, with every file that it names and that is there.
pub(crate) fn read(path: &Path) -> Result<Bundle, CommandError> {
    let document = if path == Path::new("-") { read_bounded(io::stdin(), path)? } else { read_file(path)? };
    // What cannot be read as YAML names no file; the check tells it with its place.
    let paths = Bundle::paths(&document).unwrap_or_default();
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut bundle = Bundle { document, ..Bundle::default() };
    for name in paths {
        let beside = folder.join(&name);
        match read_file(&beside) {
            Ok(content) => drop(bundle.files.insert(name, content)),
            Err(CommandError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bundle)
}

/// The value that the document makes, or all its mistakes with carets.
pub(crate) fn checked(bundle: &Bundle) -> Result<Configuration, CommandError> {
    check(&bundle.document, bundle, 0).map_err(|mistakes| {
        let rendered = mistakes.render(&bundle.document);
        CommandError::Document { mistakes: Box::new(mistakes), rendered }
    })
}

/// Mistakes as the relay answers them.
pub(crate) fn mistakes_json(mistakes: &Mistakes) -> Value {
    let items = mistakes.items.iter().map(|mistake| {
        let mut item = json!({
            "pointer": mistake.pointer,
            "line": mistake.line,
            "column": mistake.column,
            "width": mistake.width,
            "code": mistake.code,
            "detail": mistake.detail,
        });
        for (name, text) in [("hint", &mistake.hint), ("expected", &mistake.expected)] {
            if let Some(text) = text {
                item[name] = text.as_str().into();
            }
        }
        item
    });
    items.collect()
}

fn read_file(path: &Path) -> Result<String, CommandError> {
    let file = fs::File::open(path).map_err(|source| failed(path, source))?;
    read_bounded(file, path)
}

/// No more is read than an apply may carry: a path may lead to something endless.
fn read_bounded(source: impl io::Read, path: &Path) -> Result<String, CommandError> {
    let limit = u64::try_from(CONFIGURATION_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    source.take(limit).read_to_end(&mut bytes).map_err(|source| failed(path, source))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Err(error) => {
            let line =
                error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count();
            let detail = format!("line {}: this is no UTF-8 text", line + 1);
            Err(CommandError::Input { place: path.display().to_string(), detail })
        }
    }
}

fn failed(path: &Path, source: io::Error) -> CommandError {
    CommandError::File { path: PathBuf::from(path), source }
}
