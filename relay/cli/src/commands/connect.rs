//! `tidings connect`: sign a device in.

use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};
use serde_json::json;
use tidings_protocol::RecipientId;
use tidings_protocol::http::{ConnectCodeRequest, ConnectCodeResponse};

use crate::calls::{Answer, Calls};
use crate::context::Context;
use crate::error::CommandError;

/// Sign a device in: a code, a link, and the link as a picture that a phone reads
#[derive(Debug, clap::Args)]
pub(crate) struct Connect {
    /// Whose device
    recipient: RecipientId,
    /// Draw the picture even if this is no terminal
    #[arg(long)]
    qr: bool,
}

pub(crate) async fn run(context: &Context, connect: &Connect) -> Result<(), CommandError> {
    let answer = mint(&context.calls()?, &connect.recipient).await?;
    if context.output.is_json() {
        return context.output.json(&answer.value);
    }
    let code: ConnectCodeResponse = answer.read()?;
    if connect.qr || context.output.is_terminal() {
        context.output.text(picture(&code.link))?;
    }
    let ConnectCodeResponse { code, link, expires_at } = code;
    context.output.text(format!(
        "code  {code}\nlink  {link}\nfor   one device of {}, until {expires_at}",
        connect.recipient
    ))
}

/// Asks the relay for a connect code.
pub(crate) async fn mint(calls: &Calls, recipient: &RecipientId) -> Result<Answer, CommandError> {
    let request = ConnectCodeRequest { recipient: recipient.clone() };
    calls.post(&["v1", "connect-codes"], &json!(request)).await
}

/// Two rows of modules in each line of text. A block has the colour of the text, which is light on most terminals, so
/// blocks are the light modules: cameras expect dark on light.
fn picture(link: &str) -> String {
    match QrCode::with_error_correction_level(link, EcLevel::L) {
        Ok(code) => code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build(),
        // A link that does not fit is still printed as text.
        Err(error) => format!("(no picture: {error})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_square_in_modules_and_has_a_quiet_zone() {
        let picture = picture("tidings://connect?relay=http%3A%2F%2F127.0.0.1%3A7420&code=K7QF92MX");
        let lines: Vec<&str> = picture.lines().collect();
        let width = lines[0].chars().count();
        assert!(lines.iter().all(|line| line.chars().count() == width));
        assert_eq!(lines.len(), width.div_ceil(2));
        assert!(lines[0].chars().all(|c| c == '█'), "{picture}");
    }
}
