//! The time zone of this computer, and what it means for quiet hours.

use super::Account;
use crate::port::AppEvent;
use crate::secrets::write_private;

impl Account {
    /// Quiet hours are in the recipient's zone. When this computer is taken to another one the relay is told, and so is
    /// the person. Only a change counts: two computers in two zones would not agree for ever.
    pub(super) async fn move_zone(&self) {
        let Some(here) = system_zone() else { return };
        let told = std::fs::read_to_string(&self.zone_file).ok();
        if told.as_deref() == Some(here.as_str()) {
            return;
        }
        let known = match self.client.settings().await {
            Ok(Some(settings)) => settings.profile.time_zone,
            Ok(None) | Err(_) => return,
        };
        let is_news = told.is_some() || known.is_none();
        if is_news && known.as_deref() != Some(here.as_str()) {
            if let Err(error) = self.client.set_profile(Some(here.clone()), None).await {
                tracing::warn!(%error, "the relay is not told of the time zone");
                return;
            }
            if let Some(from) = told {
                let account = self.entry.id.clone();
                self.desk.shell.tell(&AppEvent::ZoneMoved { account, from, to: here.clone() });
            }
        }
        if let Err(error) = write_private(&self.zone_file, &here) {
            tracing::warn!(%error, "the time zone is not remembered");
        }
    }
}

/// The time zone of this computer, by its IANA name.
pub(crate) fn system_zone() -> Option<String> {
    jiff::tz::TimeZone::system().iana_name().map(str::to_owned)
}
