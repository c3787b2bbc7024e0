//! Whose page a token opens.

use tidings_core::model::Person;
use tidings_core::ports::Opens;

use crate::app::App;
use crate::http::problem::Problem;
use crate::vault::Purpose;

/// The longest token that is looked up; ours have 22 characters.
const TOKEN_BYTES_MAX: usize = 64;

/// Who holds a link to their page.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) person: Person,
    /// The token, for further links.
    pub(super) token: String,
}

impl Holder {
    /// Who a token stands for. None: it is unknown, has ended, or its recipient was erased; nobody learns which.
    pub(super) async fn of(app: &App, token: &str) -> Result<Option<Self>, Box<Problem>> {
        if token.len() > TOKEN_BYTES_MAX {
            return Ok(None);
        }
        let hash = app.vault.hash(Purpose::PublicToken, token);
        let Some(row) = app.ports.public.public_token(&hash, app.now()).await? else { return Ok(None) };
        if row.opens != Opens::Page {
            return Ok(None);
        }
        let person = app.ports.consents.person(&row.person).await?;
        // A link from before an erasure opens nothing, even if somebody of the same id came after.
        if person.erased.as_ref().is_some_and(|erased| row.made_at <= erased.at) {
            return Ok(None);
        }
        Ok(Some(Self { person, token: token.to_owned() }))
    }

    /// The same, where a script asks.
    ///
    /// # Errors
    /// 404 if there is nobody.
    pub(super) async fn required(app: &App, token: &str) -> Result<Self, Box<Problem>> {
        let holder = Self::of(app, token).await?;
        holder.ok_or_else(|| {
            let detail = "This link opens nothing any more: ask for a new one.";
            Problem::new(axum::http::StatusCode::NOT_FOUND, "not_found", detail)
        })
    }

    pub(super) fn locale(&self) -> Option<&str> {
        self.person.recipient.as_ref()?.locale.as_deref()
    }
}
