//! Connect codes, refresh tokens, tokens of projects.

use axum::body::Body;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rstest::rstest;
use serde_json::{Value, json};

use tidings_core::model::PersonKey;
use tidings_core::ports::DeviceToken;

use super::bench::{Bench, Reply};
use crate::vault::Purpose;

async fn refresh(bench: &Bench, token: &str) -> Reply {
    bench.call_as("", "POST", "/v1/me/token", &[], json!({"refresh_token": token}).to_string()).await
}

async fn me(bench: &Bench, token: &str) -> Reply {
    bench.call_as(token, "GET", "/v1/me", &[], Body::empty()).await
}

#[tokio::test]
async fn a_code_signs_one_device_in_once() {
    let bench = Bench::new().await;
    let code = bench.post("/v1/connect-codes", &json!({"recipient": "alice"})).await;
    assert_eq!(code.status, 201);
    assert_eq!(code.body["code"].as_str().unwrap().len(), 8);
    assert!(
        code.body["link"]
            .as_str()
            .unwrap()
            .starts_with("tidings://connect?relay=http%3A%2F%2F127.0.0.1%3A7420&code=")
    );
    let asked = json!({"code": code.body["code"], "device": "laptop", "platform": "shell"}).to_string();
    let first = bench.call_as("", "POST", "/v1/connect", &[], asked.clone()).await;
    assert_eq!(
        (first.status, &first.body["recipient"], &first.body["project"]),
        (200, &json!("alice"), &json!("default"))
    );
    let second = bench.call_as("", "POST", "/v1/connect", &[], asked).await;
    assert_eq!((second.status, second.code()), (401, "invalid_code"));
    let me = me(&bench, first.body["access_token"].as_str().unwrap()).await;
    assert_eq!((me.status, &me.body["device"]), (200, &json!("laptop")), "{}", me.body);
}

#[tokio::test]
async fn a_device_id_that_is_taken_leaves_the_code_for_another_one() {
    let bench = Bench::new().await;
    let connect = async |code: &Value, device: &str, nonce: &str| {
        let asked = json!({"code": code, "device": device, "nonce": nonce}).to_string();
        bench.call_as("", "POST", "/v1/connect", &[], asked).await
    };
    let code = bench.post("/v1/connect-codes", &json!({"recipient": "alice"})).await.body["code"].clone();
    assert_eq!(connect(&code, "laptop", "one").await.status, 200);
    let code = bench.post("/v1/connect-codes", &json!({"recipient": "alice"})).await.body["code"].clone();
    let refused = connect(&code, "laptop", "two").await;
    assert_eq!((refused.status, refused.code()), (409, "device_conflict"), "{}", refused.body);
    assert_eq!(connect(&code, "laptop-2", "two").await.status, 200);
}

#[rstest]
#[case("one", 60_000 - 1, 200)]
#[case("one", 60_000, 401)]
#[case("two", 0, 401)]
#[tokio::test]
async fn an_installation_may_repeat_its_exchange_for_a_minute(
    #[case] nonce: &str,
    #[case] after: i64,
    #[case] status: u16,
) {
    let bench = Bench::new().await;
    let code = bench.post("/v1/connect-codes", &json!({"recipient": "alice"})).await.body["code"].clone();
    let connect = async |nonce: &str| {
        let asked = json!({"code": code, "device": "laptop", "nonce": nonce}).to_string();
        bench.call_as("", "POST", "/v1/connect", &[], asked).await
    };
    assert_eq!(connect("one").await.status, 200);
    bench.advance(after);
    assert_eq!(connect(nonce).await.status, status);
}

#[rstest]
#[case(600_000 - 1, 200)]
#[case(600_000, 401)]
#[tokio::test]
async fn a_code_lasts_ten_minutes(#[case] after: i64, #[case] status: u16) {
    let bench = Bench::new().await;
    let code = bench.post("/v1/connect-codes", &json!({"recipient": "alice"})).await;
    bench.advance(after);
    let asked = json!({"code": code.body["code"], "device": "laptop"}).to_string();
    assert_eq!(bench.call_as("", "POST", "/v1/connect", &[], asked).await.status, status);
}

#[tokio::test]
async fn a_refresh_token_rotates_and_its_last_exchange_can_be_repeated_for_a_minute() {
    let bench = Bench::new().await;
    let (_, first) = bench.connect("alice", "laptop").await;
    let second = refresh(&bench, &first).await;
    assert_eq!(second.status, 200, "{}", second.body);
    bench.advance(60_000);
    let again = refresh(&bench, &first).await;
    assert_eq!((again.status, &again.body), (200, &second.body));
    let third = refresh(&bench, second.body["refresh_token"].as_str().unwrap()).await;
    assert_eq!(third.status, 200);
}

#[tokio::test]
async fn later_reuse_of_an_old_refresh_token_revokes_the_device() {
    let bench = Bench::new().await;
    let (access, first) = bench.connect("alice", "laptop").await;
    let second = refresh(&bench, &first).await;
    bench.advance(60_001);
    let stolen = refresh(&bench, &first).await;
    assert_eq!((stolen.status, stolen.code()), (401, "revoked"));
    assert_eq!(refresh(&bench, second.body["refresh_token"].as_str().unwrap()).await.status, 401);
    let me = me(&bench, &access).await;
    assert_eq!((me.status, me.code()), (401, "revoked"));
}

/// Signs a device in and exchanges its token so many times; all of its tokens, oldest first, and the access token.
async fn exchanged(bench: &Bench, times: usize) -> (Vec<String>, String) {
    let (access, first) = bench.connect("alice", "laptop").await;
    let mut tokens = vec![first];
    for _ in 0..times {
        let next = refresh(bench, tokens.last().unwrap()).await;
        assert_eq!(next.status, 200, "{}", next.body);
        tokens.push(next.body["refresh_token"].as_str().unwrap().to_owned());
    }
    (tokens, access)
}

#[rstest]
#[case(1, 60_000, 200)]
#[case(1, 60_001, 401)]
#[case(2, 0, 401)]
#[case(2, 60_001, 401)]
#[case(5, 0, 401)]
#[case(5, 60_001, 401)]
#[tokio::test]
async fn reuse_of_any_old_refresh_token_revokes_the_device_but_the_last_exchange_within_a_minute(
    #[case] generations: usize,
    #[case] after: i64,
    #[case] status: u16,
) {
    let bench = Bench::new().await;
    let (tokens, access) = exchanged(&bench, 5).await;
    bench.advance(after);
    let reused = refresh(&bench, &tokens[5 - generations]).await;
    assert_eq!(reused.status, status, "{}", reused.body);
    let (me, newest) = (me(&bench, &access).await, refresh(&bench, &tokens[5]).await);
    if status == 200 {
        assert_eq!(reused.body["refresh_token"], json!(tokens[5]), "the same pair");
        assert_eq!((me.status, newest.status), (200, 200));
    } else {
        assert_eq!(reused.code(), "revoked");
        assert_eq!((me.status, me.code()), (401, "revoked"));
        assert_eq!(newest.status, 401, "neither copy goes on");
    }
}

#[tokio::test]
async fn a_secret_that_a_family_never_had_revokes_too_and_another_family_revokes_nothing() {
    let bench = Bench::new().await;
    let (old, _) = exchanged(&bench, 2).await;
    let (tokens, access) = exchanged(&bench, 0).await;
    for stranger in [old[0].as_str(), old[2].as_str(), "tdr_nothing", "tdr_no.thing", "."] {
        let reply = refresh(&bench, stranger).await;
        assert_eq!((reply.status, reply.code()), (401, "invalid_refresh_token"), "{stranger}");
    }
    assert_eq!(me(&bench, &access).await.status, 200, "what is left of another sign-in harms nobody");
    let (family, _) = tokens[0].split_once('.').unwrap();
    assert_eq!(refresh(&bench, &format!("{family}.guessed")).await.code(), "revoked");
    assert_eq!(me(&bench, &access).await.code(), "revoked");
}

#[tokio::test]
async fn a_refresh_token_that_was_given_out_without_a_family_is_exchanged_for_one_that_has_it() {
    let bench = Bench::new().await;
    let (access, _) = bench.connect("alice", "laptop").await;
    let plain = "tdr_FromBeforeThereWereFamilies";
    let row = DeviceToken {
        person: PersonKey { project: bench.project(), recipient: "alice".parse().unwrap() },
        device: "laptop".parse().unwrap(),
        family: None,
        current: bench.app.vault.hash(Purpose::RefreshToken, plain),
        previous: None,
        last_answer: None,
        used_at: bench.now(),
    };
    bench.app.ports.sign_in.put_device_token(&row, None, None).await.unwrap();
    let second = refresh(&bench, plain).await;
    assert_eq!((second.status, refresh(&bench, plain).await.body), (200, second.body.clone()));
    let third = refresh(&bench, second.body["refresh_token"].as_str().unwrap()).await;
    assert_eq!(third.status, 200);
    assert_eq!(refresh(&bench, plain).await.code(), "invalid_refresh_token", "nothing tells whose it was");
    assert_eq!(me(&bench, &access).await.status, 200);
    assert_eq!(refresh(&bench, second.body["refresh_token"].as_str().unwrap()).await.status, 200);
    bench.advance(60_001);
    assert_eq!(refresh(&bench, second.body["refresh_token"].as_str().unwrap()).await.code(), "revoked");
}

#[tokio::test]
async fn a_refresh_token_lasts_ninety_days_from_its_last_use() {
    let day = 86_400_000;
    let bench = Bench::new().await;
    let (_, first) = bench.connect("alice", "laptop").await;
    bench.advance(90 * day);
    let second = refresh(&bench, &first).await;
    assert_eq!(second.status, 200, "{}", second.body);
    bench.advance(90 * day + 1);
    assert_eq!(refresh(&bench, second.body["refresh_token"].as_str().unwrap()).await.status, 401);
    assert_eq!(refresh(&bench, "tdr_nothing").await.status, 401);
}

#[tokio::test]
async fn an_access_token_ends_after_an_hour() {
    let bench = Bench::new().await;
    let (access, _) = bench.connect("alice", "laptop").await;
    bench.advance(3_599_000);
    assert_eq!(me(&bench, &access).await.status, 200);
    bench.advance(1_000);
    let reply = me(&bench, &access).await;
    assert_eq!((reply.status, reply.code()), (401, "token_expired"));
}

#[rstest]
#[case("1h", 201)]
#[case("61m", 422)]
#[case("0s", 422)]
#[tokio::test]
async fn a_development_token_lasts_at_most_an_hour(#[case] expires: &str, #[case] status: u16) {
    let bench = Bench::new().await;
    let reply =
        bench.post("/v1/tokens", &json!({"recipient": "alice", "device": "d", "expires": expires})).await;
    assert_eq!(reply.status, status, "{}", reply.body);
}

/// A project whose document names a development secret and an Ed25519 key.
async fn signing(bench: &Bench) -> EncodingKey {
    let document = "tidings: 1\nproject: {name: shop}\ncategories: {general: {legal: service, channels: [inapp]}}\n\
         tokens:\n  keys: [{kid: shop-1, alg: EdDSA, public: {file: shop.pem}}]\n  development: {secret: dev}\n";
    let bundle = json!({"document": document, "files": {"shop.pem": PUBLIC}});
    let reply = bench.put("/v1/configuration", &bundle).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(bench.put("/v1/secrets/dev", &json!({"value": "development-secret"})).await.status, 204);
    EncodingKey::from_ed_pem(PRIVATE.as_bytes()).unwrap()
}

/// The keys of RFC 8410 section 10.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

fn claims(bench: &Bench) -> Value {
    let now = bench.now().as_millis() / 1_000;
    json!({"aud": "tidings", "sub": "alice", "project": "shop", "iat": now, "exp": now + 600, "device": "phone"})
}

fn signed(algorithm: Algorithm, kid: Option<&str>, claims: &Value, key: &EncodingKey) -> String {
    let mut header = Header::new(algorithm);
    header.kid = kid.map(str::to_owned);
    jsonwebtoken::encode(&header, claims, key).unwrap()
}

#[tokio::test]
async fn a_projects_own_tokens_are_taken() {
    let bench = Bench::new().await;
    let key = signing(&bench).await;
    let token = signed(Algorithm::EdDSA, Some("shop-1"), &claims(&bench), &key);
    let reply = me(&bench, &token).await;
    assert_eq!((reply.status, &reply.body["recipient"]), (200, &json!("alice")), "{}", reply.body);
    let secret = EncodingKey::from_secret(b"development-secret");
    let token = signed(Algorithm::HS256, Some("development"), &claims(&bench), &secret);
    assert_eq!(me(&bench, &token).await.status, 200);
}

#[tokio::test]
async fn times_of_a_token_may_have_fractions_and_audiences_may_be_several() {
    let bench = Bench::new().await;
    let key = signing(&bench).await;
    let now = bench.now().as_millis() / 1_000;
    let with = |fields: &[(&str, Value)]| {
        let mut claims = claims(&bench);
        for (name, value) in fields {
            claims[*name] = value.clone();
        }
        signed(Algorithm::EdDSA, Some("shop-1"), &claims, &key)
    };
    let (since, until) = (format!("{now}.25"), format!("{}.5", now + 1));
    let number = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let fractions = with(&[("iat", number(&since)), ("exp", number(&until))]);
    let reply = me(&bench, &fractions).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let ends: tidings_protocol::Timestamp = reply.body["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(ends.as_millis(), (now + 1) * 1_000 + 500);
    let several = me(&bench, &with(&[("aud", json!(["shop", "tidings"]))])).await;
    assert_eq!(several.status, 200, "{}", several.body);
    let others = me(&bench, &with(&[("aud", json!(["shop", "other"]))])).await;
    assert_eq!((others.status, others.code()), (401, "unauthorized"));
    let none = me(&bench, &with(&[("aud", json!([]))])).await;
    assert_eq!((none.status, none.code()), (401, "unauthorized"));
    bench.advance(1_499);
    assert_eq!(me(&bench, &fractions).await.status, 200);
    bench.advance(1);
    assert_eq!(me(&bench, &fractions).await.code(), "token_expired");
}

#[tokio::test]
async fn a_forged_token_is_refused_whatever_it_says_of_itself() {
    let bench = Bench::new().await;
    let key = signing(&bench).await;
    let public = EncodingKey::from_secret(PUBLIC.as_bytes());
    let guessed = EncodingKey::from_secret(b"guessed");
    let claims = claims(&bench);
    let but = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    let unsigned = {
        let token = signed(Algorithm::HS256, Some("shop-1"), &claims, &guessed);
        let mut parts = token.split('.');
        let (_, payload) = (parts.next(), parts.next().unwrap());
        // {"alg":"none","typ":"JWT","kid":"shop-1"}
        format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIiwia2lkIjoic2hvcC0xIn0.{payload}.")
    };
    let other = bench.post("/v1/projects", &json!({"name": "other"})).await;
    assert_eq!(other.status, 201);
    let tokens = [
        ("algorithm confusion", signed(Algorithm::HS256, Some("shop-1"), &claims, &public)),
        ("unsigned", unsigned),
        ("no kid", signed(Algorithm::EdDSA, None, &claims, &key)),
        ("unknown kid", signed(Algorithm::EdDSA, Some("shop-2"), &claims, &key)),
        ("wrong secret", signed(Algorithm::HS256, Some("development"), &claims, &guessed)),
        ("wrong algorithm for the kid", signed(Algorithm::EdDSA, Some("development"), &claims, &key)),
        ("another audience", signed(Algorithm::EdDSA, Some("shop-1"), &but("aud", json!("other")), &key)),
        ("another project", signed(Algorithm::EdDSA, Some("shop-1"), &but("project", json!("other")), &key)),
        ("no such project", signed(Algorithm::EdDSA, Some("shop-1"), &but("project", json!("none")), &key)),
        ("no person", signed(Algorithm::EdDSA, Some("shop-1"), &but("sub", json!("a/b")), &key)),
        ("an API key", bench.key.clone()),
        ("nothing", "x".to_owned()),
    ];
    for (what, token) in tokens {
        let reply = me(&bench, &token).await;
        assert_eq!((reply.status, reply.code()), (401, "unauthorized"), "{what}: {}", reply.body);
    }
    let expired =
        signed(Algorithm::EdDSA, Some("shop-1"), &but("exp", json!(bench.now().as_millis() / 1_000)), &key);
    assert_eq!(me(&bench, &expired).await.code(), "token_expired");
}

#[tokio::test]
async fn a_token_from_before_an_erasure_creates_nobody() {
    let bench = Bench::new().await;
    let (access, refresh_token) = bench.connect("alice", "laptop").await;
    bench.advance(1_000);
    assert_eq!(bench.delete("/v1/recipients/alice").await.status, 204);
    let reply = bench.call_as(&access, "GET", "/v1/me/changes", &[], Body::empty()).await;
    assert_eq!((reply.status, reply.code()), (401, "erased"), "{}", reply.body);
    assert_eq!(refresh(&bench, &refresh_token).await.code(), "erased");
    assert_eq!(bench.get("/v1/recipients/alice").await.status, 404);
}

#[tokio::test]
async fn a_refresh_token_of_somebody_erased_says_so_even_when_another_of_that_name_has_come() {
    let bench = Bench::new().await;
    let (tokens, _) = exchanged(&bench, 3).await;
    bench.advance(1_000);
    assert_eq!(bench.delete("/v1/recipients/alice").await.status, 204);
    bench.advance(1_000);
    let (next, _) = exchanged(&bench, 0).await;
    for token in &tokens {
        let reply = refresh(&bench, token).await;
        assert_eq!((reply.status, reply.code()), (401, "erased"), "{}", reply.body);
    }
    assert_eq!(refresh(&bench, &next[0]).await.status, 200, "whoever has the name now is somebody else");
    assert_eq!(refresh(&bench, "tdr_no.thing").await.code(), "invalid_refresh_token");
}

#[tokio::test]
async fn a_token_that_may_only_read_does_nothing_else() {
    let bench = Bench::new().await;
    let key = signing(&bench).await;
    let mut claims = claims(&bench);
    claims["scope"] = json!("read");
    let token = signed(Algorithm::EdDSA, Some("shop-1"), &claims, &key);
    assert_eq!(me(&bench, &token).await.status, 200);
    let reply = bench.call_as(&token, "POST", "/v1/me/operations", &[], json!({"ops": []}).to_string()).await;
    assert_eq!((reply.status, reply.code()), (403, "forbidden"));
}
