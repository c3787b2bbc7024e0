//! What operators set up, and how devices sign in.

use tidings_core::model::{Changes, Device, Erased, StopSwitch, StoredAnswer};
use tidings_core::ports::{
    ConfigurationRow, ConnectCode, DeviceToken, KeyRow, KnownToken, Need, Opens, PresentedToken, ProjectRow,
    PublicToken, SecretRow, StopEntry, StoreError, TokenExchange,
};
use tidings_protocol::{Channel, DeviceId};

use crate::samples::*;
use crate::{Whole, on_every_store, write};

on_every_store!(
    two_projects_never_share_a_name,
    an_apply_follows_the_live_version,
    a_transaction_sees_a_project_as_it_was_changed_last,
    keys_and_secrets_are_kept_until_they_are_taken_back,
    a_connect_code_is_taken_once_and_in_time,
    a_device_token_rotates_only_from_the_expected_one,
    a_device_token_is_known_by_its_family_whatever_its_secret,
    an_erasure_is_told_to_the_tokens_it_took_for_ninety_days,
    a_device_that_is_revoked_stays_so,
    what_a_call_answers_is_kept_with_what_it_did,
);

async fn two_projects_never_share_a_name(store: impl Whole) {
    store.put_project(&project_row("p")).await.unwrap();
    let same_name = ProjectRow { name: "p".into(), ..project_row("q") };
    assert!(matches!(store.put_project(&same_name).await, Err(StoreError::Data { .. })));
    store.put_project(&project_row("q")).await.unwrap();
    let stopped = ProjectRow { stop: stop(), ..project_row("p") };
    store.put_project(&stopped).await.unwrap();
    assert_eq!(store.projects().await.unwrap(), [stopped, project_row("q")]);
}

async fn an_apply_follows_the_live_version(store: impl Whole) {
    store.put_project(&project_row("p")).await.unwrap();
    let row = |version| ConfigurationRow {
        project: project("p"),
        version,
        bundle: "{}".into(),
        digest: "ab".into(),
        applied_at: at(0),
        applied_by: "key".into(),
    };
    assert!(matches!(store.apply(&row(2), "shop", None).await, Err(StoreError::Data { .. })));
    store.apply(&row(1), "shop", None).await.unwrap();
    assert!(matches!(store.apply(&row(1), "shop", None).await, Err(StoreError::Data { .. })));
    store.apply(&row(2), "shop", None).await.unwrap();
    let live = store.projects().await.unwrap().remove(0);
    assert_eq!((live.configuration, &*live.name), (2, "shop"));
    assert_eq!(store.configuration(&project("p"), 1).await.unwrap(), Some(row(1)));
    assert_eq!(store.configuration(&project("q"), 1).await.unwrap(), None);
    let listed = store.configurations(&project("p"), None, 9).await.unwrap();
    assert_eq!(listed.iter().map(|row| (row.version, &*row.bundle)).collect::<Vec<_>>(), [(2, ""), (1, "")]);
    assert_eq!(store.configurations(&project("p"), Some(2), 9).await.unwrap().len(), 1);
}

async fn a_transaction_sees_a_project_as_it_was_changed_last(store: impl Whole) {
    let seen = async || {
        let mut transaction = store.begin().await.unwrap();
        let found = transaction.read(&[Need::Project(project("p"))]).await.unwrap();
        found.projects.into_iter().map(|state| (state.configuration, state.stop)).next()
    };
    assert_eq!(seen().await, None);
    store.put_project(&project_row("p")).await.unwrap();
    assert_eq!(seen().await, Some((0, StopSwitch::default())));
    store.put_project(&ProjectRow { stop: stop(), ..project_row("p") }).await.unwrap();
    assert_eq!(seen().await, Some((0, stop())));
    let version = ConfigurationRow {
        project: project("p"),
        version: 1,
        bundle: "{}".into(),
        digest: "ab".into(),
        applied_at: at(0),
        applied_by: "key".into(),
    };
    store.apply(&version, "p", None).await.unwrap();
    assert_eq!(seen().await, Some((1, stop())));
}

async fn keys_and_secrets_are_kept_until_they_are_taken_back(store: impl Whole) {
    let key = KeyRow {
        id: "k1".into(),
        project: project("p"),
        hash: [1; 32],
        sandbox: true,
        scopes: vec!["events".into()],
        label: "ci".into(),
        created_at: at(0),
        revoked_at: None,
    };
    store.put_key(&key, None).await.unwrap();
    assert_eq!(store.keys().await.unwrap(), std::slice::from_ref(&key));
    store.put_key(&KeyRow { revoked_at: Some(at(1)), ..key }, None).await.unwrap();
    assert_eq!(store.keys().await.unwrap(), []);
    let secret =
        SecretRow { project: project("p"), name: "smtp".into(), sealed: vec![1, 2, 3], set_at: at(0) };
    store.put_secret(&secret).await.unwrap();
    assert_eq!(store.secret(&project("p"), "smtp").await.unwrap(), Some(secret));
    assert_eq!(store.secret(&project("q"), "smtp").await.unwrap(), None);
}

async fn a_connect_code_is_taken_once_and_in_time(store: impl Whole) {
    let code = |n| ConnectCode { hash: [n; 32], person: person("p", "anna"), expires_at: at(10) };
    store.put_connect_code(&code(1), None).await.unwrap();
    store.put_connect_code(&code(2), None).await.unwrap();
    assert_eq!(store.take_connect_code(&[1; 32], None, at(9)).await.unwrap(), Some(code(1)));
    assert_eq!(store.take_connect_code(&[1; 32], None, at(9)).await.unwrap(), None);
    assert_eq!(store.take_connect_code(&[2; 32], None, at(10)).await.unwrap(), None);
    store.put_connect_code(&code(3), None).await.unwrap();
    let repeat = Some((&[4; 32], at(8)));
    assert_eq!(store.take_connect_code(&[3; 32], repeat, at(7)).await.unwrap(), Some(code(3)));
    let again = ConnectCode { hash: [4; 32], expires_at: at(8), ..code(3) };
    assert_eq!(store.take_connect_code(&[4; 32], None, at(7)).await.unwrap(), Some(again));
}

async fn a_device_token_rotates_only_from_the_expected_one(store: impl Whole) {
    let device = DeviceId::new("phone").unwrap();
    let token = |current: u8, previous: Option<u8>| DeviceToken {
        person: person("p", "anna"),
        device: device.clone(),
        family: Some([7; 32]),
        current: [current; 32],
        previous: previous.map(|hash| ([hash; 32], at(1))),
        last_answer: previous.map(|hash| vec![hash]),
        used_at: at(1),
    };
    assert_eq!(store.put_device_token(&token(1, None), None, None).await.unwrap(), TokenExchange::Rotated);
    assert_eq!(
        store.put_device_token(&token(2, Some(1)), Some(&[9; 32]), None).await.unwrap(),
        TokenExchange::Raced
    );
    assert_eq!(
        store.put_device_token(&token(2, Some(1)), Some(&[1; 32]), None).await.unwrap(),
        TokenExchange::Rotated
    );
    let known = |token| Some(KnownToken::Device(token));
    for hash in [1, 2] {
        assert_eq!(store.device_token(&presented(hash, None)).await.unwrap(), known(token(2, Some(1))));
    }
    assert_eq!(store.device_token(&presented(3, None)).await.unwrap(), None);
}

fn presented(hash: u8, family: Option<u8>) -> PresentedToken {
    PresentedToken { hash: [hash; 32], family: family.map(|family| [family; 32]) }
}

fn token_of(recipient: &str, family: Option<u8>, current: u8) -> DeviceToken {
    DeviceToken {
        person: person("p", recipient),
        device: DeviceId::new("phone").unwrap(),
        family: family.map(|family| [family; 32]),
        current: [current; 32],
        previous: None,
        last_answer: None,
        used_at: at(1),
    }
}

async fn a_device_token_is_known_by_its_family_whatever_its_secret(store: impl Whole) {
    let (anna, ben) = (token_of("anna", Some(7), 1), token_of("ben", None, 2));
    for token in [&anna, &ben] {
        store.put_device_token(token, None, None).await.unwrap();
    }
    let known = async |hash, family| store.device_token(&presented(hash, family)).await.unwrap();
    assert_eq!(known(9, Some(7)).await, Some(KnownToken::Device(anna.clone())));
    assert_eq!(
        known(2, None).await,
        Some(KnownToken::Device(ben)),
        "one that was given out without a family"
    );
    assert_eq!(known(9, Some(8)).await, None);
    assert_eq!(known(9, None).await, None, "no family is nobody's family");
    let again = DeviceToken { family: Some([8; 32]), current: [3; 32], ..anna };
    store.put_device_token(&again, None, None).await.unwrap();
    assert_eq!(known(1, Some(7)).await, None, "another sign-in ends the family before it");
}

async fn an_erasure_is_told_to_the_tokens_it_took_for_ninety_days(store: impl Whole) {
    let (anna, ben) = (token_of("anna", Some(7), 1), token_of("ben", None, 2));
    for token in [&anna, &ben] {
        store.put_device_token(token, None, None).await.unwrap();
    }
    let exchanged = DeviceToken { previous: Some((ben.current, at(1))), current: [3; 32], ..ben.clone() };
    store.put_device_token(&exchanged, Some(&ben.current), None).await.unwrap();
    let known = async |hash, family| store.device_token(&presented(hash, family)).await.unwrap();
    let erased = [&anna, &ben].map(|token| (token.person.clone(), Erased { at: at(9), epoch: 7 }));
    write(&store, 1, &Changes { erased: erased.to_vec(), ..Changes::default() }).await;
    let dump = store.dump().await;
    assert!(!dump.contains("anna") && !dump.contains("phone"), "{dump}");
    for (hash, family) in [(1, Some(7)), (9, Some(7)), (2, None), (3, None)] {
        assert_eq!(known(hash, family).await, Some(KnownToken::Erased), "{hash} {family:?}");
    }
    assert_eq!(known(9, None).await, None);
    store.purge(at(9 + 90 * DAY), &[], 100).await.unwrap();
    assert_eq!(known(1, Some(7)).await, Some(KnownToken::Erased));
    assert_eq!(store.purge(at(10 + 90 * DAY), &[], 100).await.unwrap(), 4);
    assert_eq!(known(1, Some(7)).await, None);
}

async fn a_device_that_is_revoked_stays_so(store: impl Whole) {
    let anna = person("p", "anna");
    let device = Device {
        id: DeviceId::new("phone").unwrap(),
        platform: "linux".into(),
        nonce: "n".into(),
        held: 3,
        understands: vec!["notification".into()],
        created_at: at(0),
        seen_at: at(0),
        revoked_at: None,
    };
    let changes = Changes { devices: vec![(anna.clone(), device.clone())], ..known(&anna) };
    write(&store, 1, &changes).await;
    assert_eq!(store.person(&anna).await.unwrap().devices[&device.id], device.clone().into());
    assert!(store.revoke_device(&anna, &device.id, at(5)).await.unwrap());
    assert!(store.revoke_device(&anna, &device.id, at(6)).await.unwrap());
    assert!(!store.revoke_device(&person("q", "anna"), &device.id, at(6)).await.unwrap());
    let standing = store.standing(&anna.project, &anna.recipient, Some(&device.id)).await.unwrap();
    assert_eq!(standing, (None, Some(at(5))));
}

async fn what_a_call_answers_is_kept_with_what_it_did(store: impl Whole) {
    let answer = |key: &str| StoredAnswer {
        project: project("p"),
        route: "/v1/keys".into(),
        key: key.into(),
        fingerprint: [7; 32],
        status: 201,
        body: "{}".into(),
        until: at(99),
    };
    let kept = async |key: &str| {
        let mut transaction = store.begin().await.unwrap();
        let need = Need::Answer(project("p"), "/v1/keys".into(), key.into());
        transaction.read(&[need]).await.unwrap().answers.pop()
    };
    store.put_project(&project_row("p")).await.unwrap();
    let key = KeyRow {
        id: "k1".into(),
        project: project("p"),
        hash: [1; 32],
        sandbox: false,
        scopes: Vec::new(),
        label: "".into(),
        created_at: at(0),
        revoked_at: None,
    };
    store.put_key(&key, Some(&answer("key"))).await.unwrap();
    let code = ConnectCode { hash: [1; 32], person: person("p", "anna"), expires_at: at(10) };
    store.put_connect_code(&code, Some(&answer("code"))).await.unwrap();
    let token = token_of("anna", Some(7), 1);
    store.put_device_token(&token, None, Some(&answer("token"))).await.unwrap();
    let opens = PublicToken {
        hash: [1; 32],
        person: person("p", "anna"),
        opens: Opens::Page,
        made_at: at(0),
        expires_at: None,
    };
    store.put_public_tokens(&[opens], Some(&answer("page"))).await.unwrap();
    let version = |version| ConfigurationRow {
        project: project("p"),
        version,
        bundle: "{}".into(),
        digest: "ab".into(),
        applied_at: at(0),
        applied_by: "key".into(),
    };
    store.apply(&version(1), "p", Some(&answer("apply"))).await.unwrap();
    let entry = StopEntry {
        id: "s1".into(),
        project: project("p"),
        channel: Channel::Email,
        address: "a@x.example".into(),
        reason: "".into(),
        at: at(0),
    };
    store.put_stop_entry(&entry, true, Some(&answer("stop"))).await.unwrap();
    for key in ["key", "code", "token", "page", "apply", "stop"] {
        assert_eq!(kept(key).await, Some(answer(key)), "{key}");
    }
    let raced = store.put_device_token(&token, Some(&[9; 32]), Some(&answer("raced"))).await.unwrap();
    assert_eq!((raced, kept("raced").await), (TokenExchange::Raced, None));
    store.apply(&version(1), "p", Some(&answer("late"))).await.unwrap_err();
    assert_eq!(kept("late").await, None);
    store.put_stop_entry(&entry, true, Some(&answer("twice"))).await.unwrap();
    assert_eq!(kept("twice").await, None, "what was there already is another answer");
}
