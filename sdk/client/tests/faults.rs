//! The client against a relay that misbehaves on demand. What a good relay does is tested end to end elsewhere.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "faults/fake_relay.rs"]
mod fake_relay;
#[path = "faults/observing.rs"]
mod observing;
#[path = "faults/words.rs"]
mod words;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fake_relay::{FakeRelay, PATIENCE, Session, notification};
use serde_json::{Value, json};
use tidings_sdk::{
    Access, AccessAnswer, Change, Client, Completeness, Connection, EncryptionKey, Error, PageToken,
    Presentation, Query, SignOut, SignedOut, Timestamp,
};
use tokio::time::timeout;

async fn connection(client: &Client, wanted: impl Fn(&Connection) -> bool + Send) -> Connection {
    let mut watch = client.connection();
    timeout(PATIENCE, watch.wait_for(wanted)).await.expect("the connection did not become so").unwrap()
}

async fn live(client: &Client) {
    connection(client, |connection| *connection == Connection::Live).await;
}

async fn titles(client: &Client) -> Vec<String> {
    let page = client.inbox().page(Query::default(), None, 100).await.unwrap();
    page.items.into_iter().map(|item| item.content.title).collect()
}

/// A client that is live with one notification, and its session.
async fn started(relay: &mut FakeRelay) -> (Client, Session) {
    let client = relay.client().await;
    let (mut session, _) = relay.welcomed("e.1", true).await;
    session.changes(None, "e.1", vec![notification("n1", "First")]).await;
    assert_eq!(session.receive().await, json!({"t": "held", "cursor": "e.1"}));
    live(&client).await;
    (client, session)
}

async fn presented(client: &Client) -> Presentation {
    let mut presentations = client.presentations();
    timeout(PATIENCE, presentations.next()).await.expect("nothing was presented").unwrap().unwrap()
}

#[tokio::test]
async fn a_gap_is_asked_for_and_an_unknown_frame_is_skipped() {
    let mut relay = FakeRelay::start().await;
    let (client, mut session) = started(&mut relay).await;
    session.send(json!({"t": "sing", "song": 1})).await;
    session.changes(Some("e.2"), "e.3", vec![notification("n3", "Third")]).await;
    assert_eq!(session.receive().await, json!({"t": "resume", "cursor": "e.1"}));
    assert_eq!(titles(&client).await, ["First"]);
    session
        .changes(Some("e.1"), "e.3", vec![notification("n2", "Second"), notification("n3", "Third")])
        .await;
    assert_eq!(session.receive().await, json!({"t": "held", "cursor": "e.3"}));
    assert_eq!(titles(&client).await, ["Third", "Second", "First"]);
}

#[tokio::test]
async fn a_silent_relay_is_left_and_the_device_resumes_where_it_stood() {
    let mut relay = FakeRelay::start().await;
    let (client, mut session) = started(&mut relay).await;
    session.ended().await;
    connection(&client, |connection| matches!(connection, Connection::Offline { since: Some(_), .. })).await;
    assert!(matches!(client.completeness().get(), Completeness::Incomplete { missing_after: Some(_) }));
    let (_session, hello) = relay.welcomed("e.1", false).await;
    assert_eq!(hello["cursor"], "e.1");
    live(&client).await;
}

#[tokio::test]
async fn a_device_whose_id_is_taken_comes_back_as_another() {
    let mut relay = FakeRelay::start().await;
    let client = relay.builder().device("laptop").build().await.unwrap();
    let (mut session, first) = relay.welcomed("e.0", false).await;
    assert_eq!(first["device"], "laptop");
    session.bye("device_conflict").await;
    let (_session, second) = relay.welcomed("e.0", false).await;
    assert_ne!(second["device"], first["device"]);
    assert_ne!(second["nonce"], first["nonce"]);
    assert_eq!(client.device().await.unwrap().as_str(), second["device"]);
}

#[tokio::test]
async fn an_erased_recipient_leaves_nothing_on_the_device() {
    let mut relay = FakeRelay::start().await;
    let (client, mut session) = started(&mut relay).await;
    client.mark_read(&"n1".parse().unwrap()).await.unwrap();
    session.changes(Some("e.1"), "e.2", vec![json!({"kind": "erased"})]).await;
    let erased = Connection::SignedOut { why: SignedOut::Erased };
    assert_eq!(
        connection(&client, |connection| matches!(connection, Connection::SignedOut { .. })).await,
        erased
    );
    let emptied = async {
        let mut list = client.inbox().observe(Query::default(), 10);
        while let Some(change) = list.next().await.unwrap() {
            if matches!(&change, Change::Reset(page) if page.items.is_empty())
                || matches!(change, Change::Removed(_))
            {
                return;
            }
        }
    };
    timeout(PATIENCE, emptied).await.unwrap();
    assert!(client.pending().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_done_offline_is_sent_at_the_next_connection_and_a_refusal_is_put_back() {
    let mut relay = FakeRelay::start().await;
    let (client, session) = started(&mut relay).await;
    drop(session);
    connection(&client, |connection| matches!(connection, Connection::Offline { .. })).await;
    let id = "n1".parse().unwrap();
    let read = client.mark_read(&id).await.unwrap();
    let archived = client.archive(&id).await.unwrap();
    assert_eq!(client.pending().await.unwrap().len(), 2);
    assert!(titles(&client).await.is_empty(), "what is archived is gone before the relay knows");
    let (mut session, _) = relay.welcomed("e.1", false).await;
    let frame = session.receive().await;
    let sent: Vec<_> = frame["ops"].as_array().unwrap().iter().map(|op| op["id"].clone()).collect();
    assert_eq!(sent, [json!(read), json!(archived)]);
    session
        .send(json!({"t": "done", "done": [read], "refused": [{"id": archived, "code": "not_found",
            "detail": "there is no such notification", "permanent": true}]}))
        .await;
    let refused = timeout(PATIENCE, client.refused().next()).await.unwrap().unwrap().unwrap();
    assert_eq!((refused.id, refused.code.as_str()), (archived, "not_found"));
    // What was done stays on top until a page shows it, or none came for a while.
    let pending = client.pending().await.unwrap();
    assert!(pending.iter().all(|operation| operation.id == read), "{pending:?}");
    let item = client.inbox().item(&id).await.unwrap().unwrap();
    assert!(item.view.read_at.is_some() && item.view.archived_at.is_none());
}

#[tokio::test]
async fn a_code_is_exchanged_once_and_its_tokens_are_renewed_and_kept() {
    let mut relay = FakeRelay::start().await;
    let with_code =
        |relay: &FakeRelay| relay.builder().access(Access::code("K7QF92MX")).device("laptop").build();
    let client = with_code(&relay).await.unwrap();
    let call = relay.call().await;
    assert!(call.line.starts_with("post /v1/connect "), "{}", call.line);
    assert_eq!((&call.body["code"], &call.body["device"]), (&json!("K7QF92MX"), &json!("laptop")));
    let tokens = |number: u32| {
        json!({"project": "shop", "recipient": "alice", "device": "laptop-2", "access_token": format!("a{number}"),
            "refresh_token": format!("r{number}"), "expires_at": "2099-01-01T00:00:00.000Z"})
    };
    call.answer(200, &tokens(1)).await;
    let (mut session, hello) = relay.welcomed("e.0", false).await;
    assert_eq!(session.authorization, "Bearer a1");
    assert_eq!(hello["device"], "laptop-2");
    session.bye("token_expired").await;
    let call = relay.call().await;
    assert!(call.line.starts_with("post /v1/me/token "), "{}", call.line);
    assert_eq!(call.body, json!({"refresh_token": "r1"}));
    call.answer(200, &tokens(2)).await;
    assert_eq!(relay.session().await.authorization, "Bearer a2");
    client.close().await;
    let _client = with_code(&relay).await.unwrap();
    assert_eq!(relay.session().await.authorization, "Bearer a2", "the spent code is not tried again");
}

#[tokio::test]
async fn a_refused_code_signs_the_device_out_and_an_unreachable_relay_does_not() {
    let mut relay = FakeRelay::start().await;
    let client = relay.builder().access(Access::code("WRONG")).build().await.unwrap();
    relay.call().await.answer(503, &json!({})).await;
    relay.call().await.answer(401, &json!({"code": "unknown_code"})).await;
    let why = SignedOut::Unauthorized;
    connection(&client, |connection| *connection == Connection::SignedOut { why }).await;
    let saved = relay.builder().account("other").access(Access::saved()).build().await.unwrap();
    let why = SignedOut::NoCredentials;
    connection(&saved, |connection| *connection == Connection::SignedOut { why }).await;
}

#[tokio::test]
async fn a_callback_is_asked_again_when_its_token_is_not_taken() {
    let mut relay = FakeRelay::start().await;
    let asked = Access::callback(|why| async move { AccessAnswer::Token(format!("{why:?}")) });
    let _client = relay.builder().access(asked).build().await.unwrap();
    let mut session = relay.session().await;
    assert_eq!(session.authorization, "Bearer First");
    session.receive().await;
    session.bye("unauthorized").await;
    assert_eq!(relay.session().await.authorization, "Bearer Rejected");
}

#[tokio::test]
async fn settings_change_at_once_and_a_consent_names_the_policy_that_was_shown() {
    let mut relay = FakeRelay::start().await;
    let (client, mut session) = started(&mut relay).await;
    assert_eq!(client.settings().await.unwrap(), None);
    let settings = json!({"kind": "settings", "profile": {"recipient": "alice", "time_zone": null, "locale": null},
        "categories": [{"id": "offers", "name": "Offers", "legal": "marketing", "basis": "consent",
            "channels": ["inapp", "email"], "chosen": {"inapp": true}, "consent": {}}],
        "policy": {"version": "2026-11", "url": null, "text": "Two a week"}, "quiet_hours": null,
        "paused_until": null});
    session.changes(Some("e.1"), "e.2", vec![settings]).await;
    session.receive().await;
    let offers: tidings_sdk::CategoryId = "offers".parse().unwrap();
    let email = tidings_sdk::Channel::Email;
    client.decide_consent(offers.clone(), email, false).await.unwrap();
    let refused = session.receive().await;
    assert_eq!(refused["ops"][0]["decision"], "refused");
    session.send(json!({"t": "done", "done": [refused["ops"][0]["id"]], "refused": []})).await;
    client.decide_consent(offers.clone(), email, true).await.unwrap();
    let granted = session.receive().await["ops"][0].clone();
    assert_eq!((&granted["decision"], &granted["channels"]), (&json!("granted"), &json!(["email"])));
    assert_eq!(
        (&granted["policy_version"], &granted["text_shown"]),
        (&json!("2026-11"), &json!("Two a week"))
    );
    assert_eq!(granted["cursor"], "e.2");
    client.set_preference(offers, None, false).await.unwrap();
    client.pause(Some("2099-01-01T00:00:00Z".parse().unwrap())).await.unwrap();
    let local = client.settings().await.unwrap().unwrap();
    assert_eq!(local.categories[0].consent[&email], tidings_sdk::Decision::Granted);
    assert!(!local.categories[0].chosen[&tidings_sdk::Channel::Inapp]);
    assert!(local.paused_until.is_some());
}

#[tokio::test]
async fn a_push_catches_up_over_http_and_says_what_is_held() {
    let mut relay = FakeRelay::start().await;
    let client = relay.client().await;
    let pushed = client.clone();
    let mut background = tokio::task::JoinSet::new();
    background.spawn(async move { pushed.handle_push(b"{}", PATIENCE).await });
    let call = relay.call().await;
    assert!(call.line.starts_with("get /v1/me/changes?limit=500 "), "{}", call.line);
    assert!(call.head.contains("authorization: bearer token"));
    let page = |from: Option<&str>, to: &str, more: bool, item: Value| json!({"from": from, "to": to, "more": more, "reset": from.is_none(), "items": [item]});
    call.answer(200, &page(None, "e.1", true, notification("n1", "First"))).await;
    let call = relay.call().await;
    assert!(call.line.contains("cursor=e.1"), "{}", call.line);
    call.answer(200, &page(Some("e.1"), "e.2", false, notification("n2", "Second"))).await;
    let call = relay.call().await;
    assert!(call.line.starts_with("post /v1/me/operations "), "{}", call.line);
    assert_eq!(call.body["ops"][0]["cursor"], "e.2");
    let id = call.body["ops"][0]["id"].clone();
    call.answer(200, &json!({"done": [id], "refused": []})).await;
    let presentations = timeout(PATIENCE, background.join_next()).await.unwrap().unwrap().unwrap().unwrap();
    let shown: Vec<_> = presentations
        .iter()
        .map(|presentation| {
            let Presentation::Show(item) = presentation else { panic!("{presentation:?}") };
            item.content.title.as_str()
        })
        .collect();
    assert_eq!(shown, ["First", "Second"]);
    assert!(client.handle_push(&[0; 5_000], PATIENCE).await.is_err());
}

#[tokio::test]
async fn a_pile_after_an_absence_is_one_summary_and_what_comes_live_is_shown() {
    let mut relay = FakeRelay::start().await;
    let client = relay.client().await;
    let (mut session, _) = relay.welcomed("e.9", true).await;
    let pile = (0..9).map(|number| notification(&format!("n{number}"), "Pile")).collect();
    session.changes(None, "e.9", pile).await;
    assert_eq!(presented(&client).await, Presentation::Summary { count: 9 });
    session.changes(Some("e.9"), "e.10", vec![notification("live", "Live")]).await;
    let Presentation::Show(item) = presented(&client).await else { panic!("not shown") };
    assert_eq!(item.content.title, "Live");
    client.shown(&item.id).await.unwrap();
    session.changes(Some("e.10"), "e.11", vec![json!({"kind": "retracted", "id": "live"})]).await;
    assert_eq!(presented(&client).await, Presentation::Withdraw("live".parse().unwrap()));
}

#[tokio::test]
async fn what_sleeps_is_withdrawn_and_wakes_on_the_device_before_the_relay_knows() {
    let mut relay = FakeRelay::start().await;
    let (client, session) = started(&mut relay).await;
    let Presentation::Show(item) = presented(&client).await else { panic!("not shown") };
    drop(session);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let until = Timestamp::from_millis(i64::try_from(now).unwrap() + 1_000);
    client.snooze(&item.id, until).await.unwrap();
    assert_eq!(presented(&client).await, Presentation::Withdraw(item.id.clone()));
    let Presentation::Show(again) = presented(&client).await else { panic!("it did not wake") };
    assert_eq!((again.id, again.round), (item.id, 1));
    assert_eq!(client.pending().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_search_and_a_list_with_a_text_find_the_same_page_by_page() {
    let mut relay = FakeRelay::start().await;
    let client = relay.builder().encryption_key(EncryptionKey::random()).build().await.unwrap();
    let (mut session, _) = relay.welcomed("e.1", true).await;
    let titled = |number: u32| {
        let title = if number.is_multiple_of(3) { "您的订单已发货" } else { "Offer" };
        notification(&format!("n{number}"), title)
    };
    session.changes(None, "e.1", (0..9).map(titled).collect()).await;
    session.receive().await;
    let query = Query { text: Some("订单".to_owned()), ..Query::default() };
    let first = client.inbox().page(query.clone(), None, 2).await.unwrap();
    let next: PageToken = first.next.expect("there is a third").to_string().parse().unwrap();
    let rest = client.inbox().page(query.clone(), Some(&next), 2).await.unwrap();
    assert_eq!((rest.items.len(), &rest.next), (1, &None));
    let mut search = client.inbox().search(query).unwrap();
    for expected in first.items.iter().chain(&rest.items) {
        assert_eq!(search.next().await.unwrap().as_ref(), Some(expected));
    }
    assert_eq!(search.next().await.unwrap(), None);
    assert!(matches!(client.inbox().search(Query::default()), Err(Error::Invalid { field: "text", .. })));
}

#[tokio::test]
async fn marking_all_read_means_the_page_that_was_seen() {
    let mut relay = FakeRelay::start().await;
    let (client, mut session) = started(&mut relay).await;
    let seen = client.inbox().page(Query::default(), None, 10).await.unwrap();
    session.changes(Some("e.1"), "e.2", vec![notification("n2", "Second")]).await;
    session.receive().await;
    client.mark_all_read(seen.mark, None).await.unwrap();
    assert_eq!(session.receive().await["ops"][0]["cursor"], "e.1");
    let unread = Query { unread: Some(true), ..Query::default() };
    let page = client.inbox().page(unread, None, 10).await.unwrap();
    let titles: Vec<_> = page.items.iter().map(|item| item.content.title.as_str()).collect();
    assert_eq!((titles, page.unread), (vec!["Second"], 1));
}

#[tokio::test]
async fn two_clients_on_one_file_hold_one_connection_and_the_second_takes_over() {
    let mut relay = FakeRelay::start().await;
    let (first, mut session) = started(&mut relay).await;
    let second = relay.client().await;
    connection(&second, |connection| *connection == Connection::Live).await;
    let mut list = second.inbox().observe(Query::default(), 10);
    let Some(Change::Reset(page)) = list.next().await.unwrap() else { panic!("no list") };
    assert_eq!(page.items.len(), 1);
    session.changes(Some("e.1"), "e.2", vec![notification("n2", "Second")]).await;
    session.receive().await;
    let change = timeout(PATIENCE, list.next()).await.expect("the other process saw nothing").unwrap();
    let Some(Change::Changed(item)) = change else { panic!("{change:?}") };
    assert_eq!(item.content.title, "Second");
    second.mark_read(&item.id).await.unwrap();
    assert_eq!(session.receive().await["t"], "ops");
    first.close().await;
    let (_session, hello) = relay.welcomed("e.2", false).await;
    assert_eq!(hello["cursor"], "e.2");
}

#[tokio::test]
async fn closing_twice_is_closing_and_signing_out_forgets_the_way_in() {
    let mut relay = FakeRelay::start().await;
    let (client, mut session) = started(&mut relay).await;
    client.sign_out(SignOut::Keep).await.unwrap();
    session.ended().await;
    assert_eq!(titles(&client).await, ["First"]);
    client.sign_out(SignOut::Wipe).await.unwrap();
    assert!(titles(&client).await.is_empty());
    client.close().await;
    client.close().await;
    let after = client.mark_read(&"n1".parse().unwrap()).await;
    assert!(matches!(after, Err(Error::Closed)));
    let mut presentations = client.presentations();
    assert!(timeout(Duration::from_secs(5), presentations.next()).await.unwrap().unwrap().is_none());
}

#[tokio::test]
async fn nonsense_is_refused_before_anything_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    for url in ["relay.example", "ftp://relay.example", "http://"] {
        let built = Client::builder(url, folder.path()).build().await;
        assert!(matches!(built, Err(Error::Invalid { field: "relay_url", .. })), "{url}");
    }
    let built = Client::builder("http://127.0.0.1:1", folder.path()).account("../x").build().await;
    assert!(matches!(built, Err(Error::Invalid { field: "account", .. })));
}
