//! FCM and APNs through the whole relay: from a secret and a line of the document to the vendor's call, and back.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};

use crate::rig::{Shop, push};
use crate::vendor::{Seen, Vendor};

const DEVICE: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";
const SOON: Duration = Duration::from_secs(60);

#[test]
fn an_iphone_is_reached_and_one_that_is_gone_is_forgotten() {
    let asked = AtomicU32::new(0);
    let vendor = Vendor::start(move |seen| match apple(seen) {
        Err(reason) => (400, json!({"reason": reason}).to_string()),
        Ok(()) if asked.fetch_add(1, Ordering::SeqCst) == 0 => {
            (503, json!({"reason": "Shutdown"}).to_string())
        }
        Ok(()) if seen.path.ends_with("dead") => (410, json!({"reason": "Unregistered"}).to_string()),
        Ok(()) => (200, String::new()),
    });
    let key = KeyPair::generate().expect("a key is made").serialize_pem();
    let shop = shop(
        &vendor,
        "--apns-url",
        &[("apple", &key)],
        "providers: {iphone: {kind: apns, channel: push, password: {secret: apple}, key_id: ABC123DEFG, team_id: DEF123GHIJ, topic: example.shop}}\n",
    );
    shop.address("alice", &format!("apns:{DEVICE}"));
    let id = shop.send("alice", &push("Order 1001"));
    let first = vendor.seen.recv_timeout(SOON).expect("Apple is called");
    let second = vendor.seen.recv_timeout(SOON).expect("Apple is called again");
    assert_eq!(first.headers["authorization"], second.headers["authorization"], "one token for both");
    assert_eq!(second.path, format!("/3/device/{DEVICE}"));
    assert_eq!(
        (&second.json()["notification"], &second.json()["aps"]["alert"]["title"]),
        (&json!(id), &json!("New notification"))
    );
    assert_eq!(shop.delivered(&id)["state"], "sent");
    assert!(shop.story(&id).to_string().contains("shutdown"), "{}", shop.story(&id));

    shop.address("bob", "apns:dead");
    let id = shop.send("bob", &push("Order 1002"));
    assert_eq!(shop.delivered(&id)["state"], "dead");
    assert_eq!(shop.addresses("bob"), Vec::<Value>::new());
    shop.books_balance();
}

/// What Apple demands of a call.
fn apple(seen: &Seen) -> Result<(), &'static str> {
    let header = |name: &str| seen.headers.get(name).map_or("", String::as_str);
    let demanded = [
        (header("apns-topic") == "example.shop", "BadTopic"),
        (header("apns-push-type") == "alert", "InvalidPushType"),
        (["5", "10"].contains(&header("apns-priority")), "BadPriority"),
        (header("apns-expiration").parse::<u32>().is_ok(), "BadExpirationDate"),
        (header("authorization").starts_with("bearer ey"), "MissingProviderToken"),
        (seen.body.len() <= 4_096, "PayloadTooLarge"),
        (seen.json()["aps"].is_object(), "PayloadEmpty"),
    ];
    demanded.into_iter().try_for_each(|(holds, reason)| if holds { Ok(()) } else { Err(reason) })
}

#[test]
fn an_android_phone_is_reached_and_a_wrong_account_is_told() {
    let vendor = Vendor::start(|seen| match seen.path.as_str() {
        "/token" => (200, json!({"access_token": "ya29.1", "expires_in": 3_599}).to_string()),
        "/v1/projects/shop-1/messages:send" if seen.headers["authorization"] == "Bearer ya29.1" => {
            (200, json!({"name": "projects/shop-1/messages/0:15"}).to_string())
        }
        _ => (403, json!({"error": {"code": 403, "status": "PERMISSION_DENIED"}}).to_string()),
    });
    let account = account(&vendor.url, "shop-1");
    let provider = "providers: {android: {kind: fcm, channel: push, password: {secret: firebase}}}\n";
    let shop = shop(&vendor, "--fcm-url", &[("firebase", &account)], provider);
    shop.address("alice", "fcm:token-of-alice");
    let id = shop.send("alice", &push("Order 1001"));
    assert_eq!(vendor.seen.recv_timeout(SOON).expect("a token is had").path, "/token");
    let sent = vendor.seen.recv_timeout(SOON).expect("Google is called").json();
    assert_eq!(sent["message"]["token"], "token-of-alice");
    assert_eq!(sent["message"]["data"], json!({"tidings": "1", "notification": id}));
    let delivery = shop.delivered(&id);
    assert_eq!(delivery["state"], "sent", "{delivery}");

    // The secret of another project: nothing is lost, and the story says what is wrong.
    let other = self::account(&vendor.url, "somebody-elses");
    shop.put("/v1/secrets/firebase", &json!({"value": other}), 204);
    let id = shop.send("alice", &push("Order 1002"));
    let wrong = |delivery: &Value| {
        delivery.to_string().contains("misconfigured")
            || shop.story(&id).to_string().contains("permission_denied")
    };
    shop.when(&id, wrong);
    assert_eq!(shop.addresses("alice").len(), 1, "a wrong account takes no address away");
    shop.books_balance();
}

fn account(url: &str, project: &str) -> String {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("a key is made");
    json!({
        "type": "service_account", "project_id": project, "private_key_id": "k1", "private_key": key.serialize_pem(),
        "client_email": "tidings@shop.iam.example", "token_uri": format!("{url}/token"),
    })
    .to_string()
}

fn shop(vendor: &Vendor, url: &str, secrets: &[(&str, &str)], more: &str) -> Shop {
    let authority = vendor.authority();
    let trust = authority.to_str().expect("the path is UTF-8");
    Shop::open_with(&["--trust", trust, url, &vendor.url], secrets, more)
}
