//! What `tidings` says about itself.

use serde_json::json;

use crate::context::Context;
use crate::error::CommandError;

/// Ten lines: what it is, and what to try.
const TEXT: &str = "\
Tidings tells people what happened, in their words and at their time, and can prove what became of it.

  tidings serve                           start a relay here; it prints its address and a key
  tidings send alice \"Backup finished\"    tell one person something
  tidings listen --as alice               be alice: receive it in this terminal
  tidings why alice                       why she was told, or why not
  tidings apply shop.yaml                 let rules decide what `tidings event` states

Start the first in one terminal and the others beside it. `tidings help` lists every command.";

pub(crate) fn print(context: &Context) -> Result<(), CommandError> {
    context.output.answer(&json!({"name": "tidings", "version": env!("CARGO_PKG_VERSION")}), || TEXT.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_introduction_has_ten_lines_at_most_and_five_commands() {
        assert!(TEXT.lines().count() <= 10);
        assert_eq!(TEXT.lines().filter(|line| line.starts_with("  tidings ")).count(), 5);
    }
}
