//! `tidings secret`: what a document names and does not hold.

use std::io::{self, IsTerminal as _, Read as _};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::context::Context;
use crate::error::CommandError;

/// The longest value that the relay takes, in bytes.
const VALUE_BYTES_MAX: u64 = 16_384;

/// Set a secret that the configuration names
#[derive(Debug, clap::Args)]
pub(crate) struct Secret {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Set it to what standard input says; it can never be read back
    Set {
        /// Its name, as in {secret: NAME}
        name: String,
    },
}

pub(crate) async fn run(context: &Context, secret: &Secret) -> Result<(), CommandError> {
    let Verb::Set { name } = &secret.verb;
    let calls = context.calls()?;
    if io::stdin().is_terminal() {
        context
            .output
            .remark("Write the value, then Enter and Ctrl-D. Better: tidings secret set NAME < FILE");
    }
    let value = read()?;
    calls.put(&["v1", "secrets", name], &json!({"value": value.expose_secret()})).await?;
    context.output.answer(&json!({"name": name, "set": true}), || format!("{name} is set"))
}

fn read() -> Result<SecretString, CommandError> {
    let input = |detail: &str| CommandError::Input { place: "standard input".into(), detail: detail.into() };
    let mut text = String::new();
    let read = io::stdin().take(VALUE_BYTES_MAX + 2).read_to_string(&mut text);
    read.map_err(|_| input("this is no text"))?;
    // `echo` and editors end what they write with a line break that is not meant.
    let value = text.strip_suffix('\n').unwrap_or(&text);
    let value = value.strip_suffix('\r').unwrap_or(value);
    match u64::try_from(value.len()) {
        Ok(0) => Err(input("there is no value in it")),
        Ok(length) if length <= VALUE_BYTES_MAX => Ok(SecretString::from(value)),
        Ok(_) | Err(_) => Err(input("a secret has at most 16,384 bytes")),
    }
}
