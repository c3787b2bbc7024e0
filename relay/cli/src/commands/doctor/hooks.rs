//! Whether the backend hears of the feed.

use tidings_protocol::http::{HookResponse, Page};

use super::Finding;
use crate::calls::Calls;
use crate::error::CommandError;

/// What the hooks of the project say; nothing if there are none.
pub(super) async fn findings(calls: &Calls) -> Result<Option<Finding>, CommandError> {
    let page: Page<HookResponse> = calls.get(&["v1", "hooks"], &[]).await?.read()?;
    Ok(about(&page.items))
}

fn about(hooks: &[HookResponse]) -> Option<Finding> {
    let is_well = |hook: &&HookResponse| matches!(hook.state.as_str(), "new" | "up");
    let ill: Vec<String> = hooks
        .iter()
        .filter(|hook| !is_well(hook))
        .map(|hook| {
            format!("{} is {} ({})", hook.name, hook.state, hook.code.as_deref().unwrap_or("no code"))
        })
        .collect();
    match (hooks.len(), ill.is_empty()) {
        (0, _) => None,
        (all, true) => Some(Finding::ok("hooks", format!("{all} told"))),
        (_, false) => {
            let next = "look at the receiver's URL and at `signing` in the document";
            Some(Finding::advice("hooks", ill.join(", "), next))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(state: &str, code: Option<&str>) -> HookResponse {
        let (name, state, code) = ("backend".to_owned(), state.to_owned(), code.map(str::to_owned));
        HookResponse { name, state, told: None, failed: 0, next_at: None, code }
    }

    #[test]
    fn a_hook_that_is_not_told_is_said_with_its_code() {
        assert_eq!(about(&[]), None);
        assert_eq!(about(&[hook("up", None), hook("new", None)]).unwrap().line(), "ok     hooks: 2 told");
        let line = about(&[hook("up", None), hook("failing", Some("http_503"))]).unwrap().line();
        assert!(line.starts_with("low    hooks: backend is failing (http_503)\n"), "{line}");
    }
}
