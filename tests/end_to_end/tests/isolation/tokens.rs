//! Access tokens that prove nothing.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tidings_end_to_end::{Device, Relay, binary};

// Keys of these tests alone.
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA+eqaHWmy9WpwsaEQR9zxopRSfzShlSQkDOpM+7VSl/4=\n-----END PUBLIC KEY-----\n";
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIKePINO3RZWdeqa0+H3OAOv16ee9wy04+6ySrCIHEDHJ\n-----END PRIVATE KEY-----\n";
const OTHER_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINdrIo3SiiyjKkjl2nXZU6f3Y44kypjGKaUfIVAKCcRh\n-----END PRIVATE KEY-----\n";
const RSA_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzDJXgelfBz7m8FQtjDkE\n7Urs7496GLeMG642n+lMZTE5FtwuQzoMDYKEcpsTxqfib/3FJZ2/0aogrYunCfIS\nbVcX6yLcIVBFefrjym8GtwDJUvFPfcQBD/9ns4g85cEtJlcn2nVYlpWminWAlcki\nlMCF2HzjUHwZNzbU//mya9YdTJkPruYaFBzVANPD1cUe38IyC9plyddggnE7nW2i\n6IGNEMfIsuBqj2HQBCAyM9cO/m4032EvPywLPcM28HNzsxkqVBztI/J2skoXP7S1\nBAHQKYMiVQc606IuV+8ySi3IYQ8MoYn5xl7KinoFQR9GBZX+gOUCPuVJtuBj5s/+\nnQIDAQAB\n-----END PUBLIC KEY-----\n";

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("before the year 292 billion")
}

fn claims() -> Value {
    json!({"aud": "tidings", "sub": "alice", "project": "shop", "iat": now() - 5, "exp": now() + 600, "device": "laptop"})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().expect("an object").remove(name);
    claims
}

fn sign(kid: Option<&str>, private: &str, claims: &Value) -> String {
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::EdDSA) };
    encode(&header, claims, &EncodingKey::from_ed_pem(private.as_bytes()).expect("a key")).expect("it signs")
}

/// The secret is whatever the attacker knows: a public key, most of all.
fn sign_hs256(kid: &str, secret: &[u8], claims: &Value) -> String {
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::HS256) };
    encode(&header, claims, &EncodingKey::from_secret(secret)).expect("it signs")
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(header), part(claims))
}

/// A project `shop` whose tokens are signed by the test's own keys.
fn shop() -> Relay {
    let relay = Relay::start();
    let keys = json!([{"kid": "shop-1", "alg": "EdDSA", "public": PUBLIC}, {"kid": "shop-rsa", "alg": "RS256", "public": RSA_PUBLIC}]);
    let document = format!(
        "tidings: 1\nproject: {{name: shop}}\ntokens: {{keys: {keys}, development: {{secret: dev}}}}\n\
         categories: {{general: {{name: {{en: General}}, legal: service, channels: [inapp]}}}}\n"
    );
    let _secret = relay.caller().put("/v1/secrets/dev", &json!({"value": "a secret for development"}));
    let _applied = relay.caller().apply(&document).ok(200);
    relay
}

/// Refused over HTTP with this code, and on the socket with this bye.
#[track_caller]
fn refused(relay: &Relay, what: &str, token: &str, code: &str) {
    let reply = relay.caller_with("").call("GET", "/v1/me", &[], b"");
    assert_eq!(reply.status, 401, "nobody is nobody");
    let bearer = format!("Bearer {token}");
    let reply = relay.stranger().call("GET", "/v1/me", &[("authorization", &bearer)], b"");
    assert_eq!(reply.status, 401, "{what}: {}", reply.text());
    let _problem = reply.problem(401, code);
    for in_hello in [false, true] {
        let mut device = Device::open(relay.address(), (!in_hello).then_some(token));
        device.send(&json!({"t": "hello", "device": "laptop", "token": in_hello.then_some(token)}));
        let _bye = device.bye(code);
    }
}

#[test]
fn a_token_of_the_project_opens_and_every_forgery_of_it_does_not() {
    let relay = shop();
    let token = sign(Some("shop-1"), PRIVATE, &claims());
    let me =
        relay.stranger().call("GET", "/v1/me", &[("authorization", &format!("Bearer {token}"))], b"").ok(200);
    assert_eq!(
        (&me["recipient"], &me["device"], &me["project"]),
        (&json!("alice"), &json!("laptop"), &json!("shop"))
    );
    let (head, signature) = token.rsplit_once('.').expect("three parts");
    let other_claims = with("sub", json!("bob"));
    let other = sign(Some("shop-1"), PRIVATE, &other_claims);
    let swapped = format!("{}.{signature}", other.rsplit_once('.').expect("three parts").0);
    let own = relay.token("alice", "laptop");
    let own_header = own.split('.').next().expect("three parts");
    let own_kid: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(own_header).expect("base64")).expect("JSON");
    let own_kid = own_kid["kid"].as_str().expect("a kid").to_owned();
    let forgeries = [
        ("another signature", swapped),
        ("no signature", format!("{head}.")),
        ("signed by somebody else", sign(Some("shop-1"), OTHER_PRIVATE, &claims())),
        ("signed by somebody else in the relay's name", sign(Some(&own_kid), OTHER_PRIVATE, &claims())),
        ("signed by the project in the relay's name", sign(Some(&own_kid), PRIVATE, &claims())),
        ("no kid", sign(None, PRIVATE, &claims())),
        ("unknown kid", sign(Some("shop-2"), PRIVATE, &claims())),
        ("kid of another algorithm", sign(Some("shop-rsa"), PRIVATE, &claims())),
        ("alg none", unsigned(&json!({"alg": "none", "kid": "shop-1"}), &claims())),
        ("alg None", unsigned(&json!({"alg": "None", "kid": "shop-1", "typ": "JWT"}), &claims())),
        ("the public key as a secret", sign_hs256("shop-1", PUBLIC.as_bytes(), &claims())),
        ("the public RSA key as a secret", sign_hs256("shop-rsa", RSA_PUBLIC.as_bytes(), &claims())),
        ("an empty secret", sign_hs256("development", b"", &claims())),
        ("a guessed secret", sign_hs256("development", b"secret", &claims())),
        ("a kid that is a path", sign_hs256("../../../../dev/null", b"", &claims())),
        ("no audience", sign(Some("shop-1"), PRIVATE, &without("aud"))),
        ("another audience", sign(Some("shop-1"), PRIVATE, &with("aud", json!("shop")))),
        ("no subject", sign(Some("shop-1"), PRIVATE, &without("sub"))),
        ("no end", sign(Some("shop-1"), PRIVATE, &without("exp"))),
        ("no beginning", sign(Some("shop-1"), PRIVATE, &without("iat"))),
        ("no project", sign(Some("shop-1"), PRIVATE, &without("project"))),
        ("an unknown project", sign(Some("shop-1"), PRIVATE, &with("project", json!("nope")))),
        ("a subject that is no id", sign(Some("shop-1"), PRIVATE, &with("sub", json!("a/b")))),
        ("garbage", "a.b.c".to_owned()),
        ("very long", "a".repeat(6_000)),
        ("an API key", relay.key()),
    ];
    for (what, token) in &forgeries {
        refused(&relay, what, token, "unauthorized");
    }
    refused(&relay, "ended", &sign(Some("shop-1"), PRIVATE, &with("exp", json!(now() - 1))), "token_expired");
    let development = sign_hs256("development", b"a secret for development", &claims());
    let bearer = format!("Bearer {development}");
    let _may = relay.stranger().call("GET", "/v1/me", &[("authorization", &bearer)], b"").ok(200);
}

#[test]
fn a_key_of_one_project_signs_for_no_other() {
    let relay = shop();
    let other = relay.caller().post("/v1/projects", &json!({"name": "other"})).ok(201);
    let key = other["key"].as_str().expect("its key");
    refused(
        &relay,
        "the other project's name",
        &sign(Some("shop-1"), PRIVATE, &with("project", json!("other"))),
        "unauthorized",
    );
    refused(
        &relay,
        "the other project's id",
        &sign(Some("shop-1"), PRIVATE, &with("project", other["id"].clone())),
        "unauthorized",
    );
    // A device's token opens no call of a backend, and a key no call of a device.
    let token = relay.token("alice", "laptop");
    let _backend = relay.caller_with(&token).get("/v1/accounting").problem(401, "unauthorized");
    let _device = relay.caller_with(key).get("/v1/me").problem(401, "unauthorized");
}

#[test]
fn a_token_may_read_only_and_then_it_opens_no_socket() {
    let relay = shop();
    let token = sign(Some("shop-1"), PRIVATE, &with("scope", json!("read")));
    let caller = relay.caller_with(&token);
    let _read = caller.get("/v1/me").ok(200);
    let _write = caller.post("/v1/me/test", &json!({})).problem(403, "forbidden");
    let _erase = caller.delete("/v1/me").problem(403, "forbidden");
    let mut device = Device::open(relay.address(), Some(&token));
    device.send(&json!({"t": "hello", "device": "laptop"}));
    let _bye = device.bye("unauthorized");
}

#[test]
fn a_token_from_before_an_erasure_is_told_so_and_makes_nobody() {
    let relay = shop();
    let token = relay.token("alice", "laptop");
    let mut open = Device::open(relay.address(), Some(&token));
    open.send(&json!({"t": "hello", "device": "laptop"}));
    let _welcome = open.expect("welcome");
    let _sent = relay.caller().call("POST", "/v1/to/alice", &[], b"hi").ok(202);
    let _erased = relay.caller().delete("/v1/recipients/alice").ok(204);
    let _bye = open.bye("erased");
    refused(&relay, "before the erasure", &token, "erased");
    refused(&relay, "of the project's own", &sign(Some("shop-1"), PRIVATE, &claims()), "erased");
    let _nobody = relay.caller().get("/v1/recipients/alice").problem(404, "not_found");
    assert_eq!(relay.caller().get("/v1/accounting").ok(200)["residue"], 0);
}

#[test]
fn a_device_that_was_removed_is_out_at_once() {
    let relay = shop();
    let (phone, laptop) = (relay.token("alice", "phone"), relay.token("alice", "laptop"));
    let mut socket = Device::open(relay.address(), Some(&phone));
    socket.send(&json!({"t": "hello", "device": "phone"}));
    let _welcome = socket.expect("welcome");
    let caller = relay.caller_with(&laptop);
    let _me = caller.get("/v1/me").ok(200);
    let _removed = caller.delete("/v1/me/devices/phone").ok(204);
    let _bye = socket.bye("revoked");
    let _http = relay.caller_with(&phone).get("/v1/me").problem(401, "revoked");
    let _other = caller.get("/v1/me").ok(200);
    // A token of nobody's device in particular does not bring the device back.
    let general = sign(Some("shop-1"), PRIVATE, &without("device"));
    let mut socket = Device::open(relay.address(), Some(&general));
    socket.send(&json!({"t": "hello", "device": "phone"}));
    let _bye = socket.bye("revoked");
}

#[test]
fn a_session_whose_new_token_is_another_persons_ends() {
    let relay = shop();
    let mut device = relay.device("alice", "laptop");
    device.send(&json!({"t": "token", "token": relay.token("alice", "laptop")}));
    device.send(&json!({"t": "ops", "ops": []}));
    device.send(&json!({"t": "token", "token": relay.token("bob", "laptop")}));
    let _bye = device.bye("unauthorized");
}

#[test]
fn the_relays_signing_key_is_exchanged_while_it_runs_and_nobody_is_signed_out() {
    let relay = shop();
    let kid = |token: &str| jsonwebtoken::decode_header(token).expect("a token").kid.expect("a name");
    let before = relay.token("alice", "laptop");
    let command = |relay: &Relay| {
        let mut command = std::process::Command::new(binary());
        command.args(["keys", "rotate-signing", "--json", "--relay", &format!("http://{}", relay.address())]);
        command.env("TIDINGS_KEY", relay.key()).output().expect("it runs")
    };
    let output = command(&relay);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let after = relay.token("alice", "laptop");
    assert_eq!((&names["kid"], &names["previous"]), (&json!(kid(&after)), &json!(kid(&before))), "{names}");
    let refused = relay.caller().post("/v1/signing-keys", &json!({}));
    let seconds: u64 = refused.header("retry-after").and_then(|text| text.parse().ok()).expect("a time");
    assert!((3_000..=3_600).contains(&seconds), "{seconds}");
    let _too_soon = refused.problem(409, "too_soon");
    assert_eq!(command(&relay).status.code(), Some(1));
    let limited = relay.caller().post("/v1/keys", &json!({"scopes": ["configure"]})).ok(201);
    let limited = relay.caller_with(limited["key"].as_str().expect("a key"));
    let _lacks = limited.post("/v1/signing-keys", &json!({})).problem(403, "forbidden");
    let log = relay.site().log();
    assert!(log.contains(&kid(&after)) && !log.contains(&after), "the log names the key and no token");
    let relay = Relay::start_on(relay.terminate().0);
    for token in [&before, &after] {
        let _me = relay.caller_with(token).get("/v1/me").ok(200);
    }
    assert_eq!(kid(&relay.token("alice", "laptop")), kid(&after), "the new key outlives a restart");
}
