//! What the page shows, before it is HTML.

use tidings_core::view::settings_item;
use tidings_protocol::item::{CategoryItem, PolicyItem};
use tidings_protocol::{CategoryId, Channel, Decision, LegalClass};

use super::holder::Holder;
use super::texts::Texts;
use crate::app::App;
use crate::http::problem::Problem;

/// See the module.
#[derive(Debug)]
pub(super) struct View {
    pub(super) texts: &'static Texts,
    pub(super) token: String,
    /// The project's id, which names the worker's scope.
    pub(super) project: String,
    /// The project as people know it.
    pub(super) project_name: String,
    /// The project's public key for pushes; none if pushes are not used.
    pub(super) push_key: Option<String>,
    pub(super) categories: Vec<Shown>,
    pub(super) policy: Option<PolicyItem>,
}

/// A category.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) id: CategoryId,
    pub(super) name: String,
    pub(super) legal: LegalClass,
    /// Its channels, and whether it is wanted there.
    pub(super) channels: Vec<(Channel, bool)>,
    /// Whether it comes only with consent.
    pub(super) needs_consent: bool,
    /// What was decided, the same on every channel; none if nothing was, or not the same.
    pub(super) decided: Option<Decision>,
    any_granted: bool,
}

impl View {
    /// What a holder sees at this moment.
    ///
    /// # Errors
    /// What cannot be read.
    pub(super) async fn of(app: &App, holder: &Holder, texts: &'static Texts) -> Result<Self, Box<Problem>> {
        let key = &holder.person.key;
        let configuration = app.live(&key.project).await?;
        let mut person = holder.person.clone();
        // The page speaks one language: the one that it was opened in.
        person.recipient.get_or_insert_default().locale = Some(texts.language.to_owned());
        let settings = settings_item(&person, &configuration);
        let uses_push = settings.categories.iter().any(|category| category.channels.contains(&Channel::Push));
        let push_key = match uses_push {
            true => Some(app.vapid.key(&key.project).await?.public_text()),
            false => None,
        };
        Ok(Self {
            texts,
            token: holder.token.clone(),
            project: key.project.to_string(),
            project_name: app
                .directory
                .project(&key.project)
                .map(|row| row.name.to_string())
                .unwrap_or_default(),
            push_key,
            categories: settings.categories.into_iter().map(Shown::of).collect(),
            policy: settings.policy,
        })
    }

    /// Whether there is anything that can be switched off.
    pub(super) fn has_choices(&self) -> bool {
        self.categories.iter().any(|category| !category.is_fixed())
    }

    pub(super) fn policy_version(&self) -> &str {
        self.policy.as_ref().map_or("", |policy| policy.version.as_str())
    }

    /// What is asked about a category, in full: it goes into the ledger as it was shown.
    pub(super) fn asked(&self, shown: &Shown) -> String {
        let question = self.texts.question(&shown.name, shown.channels.iter().map(|(channel, _)| *channel));
        match &self.policy {
            Some(policy) if !policy.text.is_empty() => format!("{question}\n\n{}", policy.text),
            Some(_) | None => question,
        }
    }
}

impl Shown {
    fn of(item: CategoryItem) -> Self {
        let decision = |channel: &Channel| item.consent.get(channel).copied();
        let first = item.channels.first().and_then(decision);
        let is_same = item.channels.iter().all(|channel| decision(channel) == first);
        Self {
            needs_consent: item.basis == "consent",
            decided: first.filter(|_| is_same),
            any_granted: item.consent.values().any(|decision| *decision == Decision::Granted),
            channels: item
                .channels
                .iter()
                .map(|channel| (*channel, item.chosen.get(channel) != Some(&false)))
                .collect(),
            id: item.id,
            name: item.name,
            legal: item.legal,
        }
    }

    /// Whether it always comes.
    pub(super) fn is_fixed(&self) -> bool {
        self.legal == LegalClass::Essential
    }

    /// Whether there is a grant to take back.
    pub(super) const fn is_granted(&self) -> bool {
        self.any_granted
    }
}
