//! What the window may ask, once for both languages: each line makes a command that hands its arguments to the
//! controller's method of the same name, and its signature in `src/contract.ts`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::contract::Contract;
use crate::controller::Controller;
use crate::port::AppEvent;
use crate::problem::Problem;
use crate::roster::LocalPreferences;
use crate::secrets::SecretPlace;
use crate::view::{
    AccountView, DeviceView, ItemView, ListQuery, MarkChange, Overview, PageView, PendingView,
    QuietHoursView, SettingsView, StoredView, StoryView,
};

macro_rules! commands {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        /// Answers a call of the window: the command's name and its arguments as JSON, to JSON.
        ///
        /// # Errors
        /// `unknown_command` and `invalid_arguments` for what no window of this version asks; or what the command says.
        pub async fn answer(controller: &Controller, command: &str, arguments: &str) -> Result<String, Problem> {
            match command {
                $(stringify!($name) => {
                    #[derive(Deserialize)]
                    struct Arguments { $($argument: $type),* }
                    let Arguments { $($argument),* } = parsed(arguments)?;
                    written(&Box::pin(controller.$name($($argument),*)).await?)
                })*
                unknown => Err(Problem::new("unknown_command", unknown)),
            }
        }

        /// The signatures, for TypeScript.
        pub fn contract() -> String {
            let mut contract = Contract::default();
            contract.event::<AppEvent>();
            contract.error::<Problem>();
            $(
                contract.command(stringify!($name));
                $(contract.argument::<$type>(stringify!($argument));)*
                contract.answer::<$answer>();
            )*
            contract.text()
        }
    };
}

commands! {
    overview() -> Overview;
    missed() -> Vec<AppEvent>;
    connect(link: String, relay: Option<String>, secret: SecretPlace, account: Option<String>) -> AccountView;
    retry(account: String) -> ();
    sign_out(account: String, keep: bool) -> ();
    erase(account: String) -> ();
    page(account: String, query: ListQuery, after: Option<String>) -> PageView;
    item(account: String, id: String) -> Option<ItemView>;
    mark(account: String, ids: Vec<String>, change: MarkChange) -> ();
    mark_all_read(account: String, category: Option<String>) -> ();
    acknowledge(account: String, id: String) -> ();
    act(account: String, id: String, action: String) -> ();
    follow(account: String, id: String) -> ();
    feedback(account: String, id: String, useful: bool) -> ();
    story(account: String, id: String) -> StoryView;
    look_at(account: Option<String>, id: Option<String>) -> ();
    settings(account: String) -> Option<SettingsView>;
    pending(account: String) -> Vec<PendingView>;
    set_preference(account: String, category: String, channel: Option<String>, chosen: bool) -> ();
    decide_consent(account: String, category: String, channels: Vec<String>, granted: bool) -> ();
    set_quiet_hours(account: String, quiet_hours: Option<QuietHoursView>) -> ();
    pause(account: String, until: Option<f64>) -> ();
    devices(account: String) -> Vec<DeviceView>;
    remove_device(account: String, id: String) -> ();
    send_test(account: String) -> String;
    set_local(local: LocalPreferences) -> ();
    set_autostart(on: bool) -> ();
    open_link(link: String) -> ();
    export(account: String) -> String;
    stored(account: String) -> StoredView;
    quit() -> ();
}

fn parsed<T: DeserializeOwned>(arguments: &str) -> Result<T, Problem> {
    serde_json::from_str(arguments).map_err(|error| Problem::new("invalid_arguments", error.to_string()))
}

fn written<T: Serialize>(answer: &T) -> Result<String, Problem> {
    serde_json::to_string(answer).map_err(|error| Problem::new("failed", error.to_string()))
}
