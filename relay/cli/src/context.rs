//! What a command stands on: where to write, and which relay to ask with which key.

use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use crate::arguments::Everywhere;
use crate::calls::Calls;
use crate::credentials::Credentials;
use crate::error::CommandError;
use crate::output::Output;

/// The data folder if none is named.
const DATA_DEFAULT: &str = "./tidings-data";

/// What a command stands on.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) output: Output,
    /// The data folder.
    pub(crate) data: PathBuf,
    /// `--data` of a direct send: what its template reads.
    pub(crate) template_data: Option<String>,
    relay: Option<String>,
    key: Option<SecretString>,
}

/// A relay, and a key if one is known for it.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) relay: Url,
    pub(crate) key: Option<SecretString>,
}

impl Context {
    pub(crate) fn new(everywhere: Everywhere) -> Self {
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        // `--data` is a folder everywhere, and beside `send --template` also the data, which is a JSON object.
        let (objects, folders): (Vec<String>, Vec<String>) =
            everywhere.data.into_iter().partition(|text| text.trim_start().starts_with('{'));
        Self {
            output: Output::new(everywhere.json),
            data: folders.into_iter().next_back().unwrap_or_else(|| DATA_DEFAULT.into()).into(),
            template_data: objects.into_iter().next_back(),
            relay: said(everywhere.relay),
            key: said(everywhere.key).map(SecretString::from),
        }
    }

    /// The relay: as written on the command line or in the environment, else as the data folder's file says.
    pub(crate) fn place(&self) -> Result<Place, CommandError> {
        let stored = Credentials::read(&self.data)?;
        let relay = match (&self.relay, &stored) {
            (Some(said), _) => said.clone(),
            (None, Some(stored)) => stored.relay.clone(),
            (None, None) => return Err(CommandError::NoRelay { folder: self.data.clone() }),
        };
        let relay = read_relay(&relay)?;
        // A stored key belongs to the relay that it was stored with, and is shown to no other.
        let stored = stored.filter(|stored| read_relay(&stored.relay).is_ok_and(|known| known == relay));
        let key = self.key.clone().or(stored.and_then(|stored| stored.key));
        Ok(Place { relay, key })
    }

    /// Whether the relay was named, and not found by the data folder.
    pub(crate) const fn names_relay(&self) -> bool {
        self.relay.is_some()
    }

    /// Calls of the relay with a key.
    pub(crate) fn calls(&self) -> Result<Calls, CommandError> {
        let Place { relay, key } = self.place()?;
        match key {
            Some(key) => Calls::new(relay, Some(key)),
            None => Err(CommandError::NoKey { relay, folder: self.data.clone() }),
        }
    }
}

fn read_relay(text: &str) -> Result<Url, CommandError> {
    let refuse = || CommandError::RelayAddress { text: text.to_owned() };
    let url = Url::parse(text).map_err(|_| refuse())?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err(refuse()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn context(relay: Option<&str>, key: Option<&str>, data: &Path) -> Context {
        let text = |text: &str| text.to_owned();
        Context::new(Everywhere {
            relay: relay.map(text),
            key: key.map(text),
            data: vec![data.display().to_string()],
            json: false,
        })
    }

    fn stored() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let key = Some(SecretString::from("tdk_live_stored"));
        let credentials = Credentials { relay: "http://127.0.0.1:7420".into(), project: "shop".into(), key };
        credentials.write(folder.path()).unwrap();
        folder
    }

    fn key_of(place: &Place) -> Option<&str> {
        place.key.as_ref().map(|key| key.expose_secret())
    }

    #[test]
    fn what_is_written_comes_before_what_is_stored() {
        let folder = stored();
        let place = context(Some("http://10.0.0.1"), Some("tdk_live_said"), folder.path()).place().unwrap();
        assert_eq!((place.relay.as_str(), key_of(&place)), ("http://10.0.0.1/", Some("tdk_live_said")));
    }

    #[test]
    fn the_folder_says_what_is_not_written() {
        let folder = stored();
        let place = context(None, None, folder.path()).place().unwrap();
        assert_eq!(
            (place.relay.as_str(), key_of(&place)),
            ("http://127.0.0.1:7420/", Some("tdk_live_stored"))
        );
    }

    #[test]
    fn a_stored_key_is_shown_to_no_other_relay() {
        let folder = stored();
        let place = context(Some("http://10.0.0.1"), None, folder.path()).place().unwrap();
        assert_eq!(key_of(&place), None);
        let place = context(Some("http://127.0.0.1:7420/"), None, folder.path()).place().unwrap();
        assert_eq!(key_of(&place), Some("tdk_live_stored"));
    }

    #[test]
    fn an_empty_variable_says_nothing() {
        let folder = stored();
        let place = context(Some(""), Some(""), folder.path()).place().unwrap();
        assert_eq!(key_of(&place), Some("tdk_live_stored"));
    }
}
