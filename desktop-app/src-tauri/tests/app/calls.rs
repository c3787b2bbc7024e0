//! What the window asks as it asks it: a command's name and its arguments as JSON.

use serde_json::{Value, json};

use crate::rig::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_answered_with_json_and_a_refusal_with_its_word() {
    let bench = Bench::start();
    let (app, account) = bench.app_of("alice").await;
    let ask = async |command: &str, arguments: Value| {
        let answer = tidings_desktop::answer(&app.controller, command, &arguments.to_string()).await;
        answer.map(|text| serde_json::from_str::<Value>(&text).expect("it is JSON"))
    };
    let overview = ask("overview", json!({})).await.expect("an answer");
    assert_eq!(overview["accounts"][0]["id"], json!(account));
    let page = ask(
        "page",
        json!({"account": account, "query": {"shelf": "inbox", "unread_only": false}, "after": null}),
    )
    .await;
    assert_eq!(page.expect("a page")["rows"], json!([]));
    // What may be left out is left out.
    let looked = ask("look_at", json!({})).await;
    assert_eq!(looked.expect("an answer"), Value::Null);

    let refused = async |command, arguments| ask(command, arguments).await.expect_err("it is refused").code;
    assert_eq!(refused("stored", json!({"account": "nobody"})).await, "no_account");
    assert_eq!(refused("stored", json!({})).await, "invalid_arguments");
    assert_eq!(refused("close", json!({})).await, "unknown_command");
}
