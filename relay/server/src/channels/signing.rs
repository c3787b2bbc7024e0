//! Standard Webhooks: how a call is signed, so that its receiver knows who made it and when.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use sha2::Sha256;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// Bytes of a key, as the specification wants them.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Keys that sign at a time: the new one and the one before it, while receivers change over.
const KEYS_MAX: usize = 2;

/// The keys that sign, the newest first.
#[derive(Debug)]
pub(crate) struct SigningKeys(Vec<SecretBox<Vec<u8>>>);

impl SigningKeys {
    /// Reads the value of a secret: one `whsec_…`, or two with a space between them while the key is exchanged.
    ///
    /// # Errors
    /// The code of an outcome, if it is anything else.
    pub(crate) fn of(secret: &SecretString) -> Result<Self, &'static str> {
        let key = |text: &str| {
            let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
            KEY_BYTES.contains(&bytes.len()).then(|| SecretBox::new(Box::new(bytes)))
        };
        let texts: Vec<&str> = secret.expose_secret().split_whitespace().collect();
        if texts.is_empty() || texts.len() > KEYS_MAX {
            return Err("bad_signing_secret");
        }
        let keys: Option<Vec<_>> = texts.into_iter().map(key).collect();
        keys.map(Self).ok_or("bad_signing_secret")
    }

    /// The value of `webhook-signature`: one signature by each key.
    pub(crate) fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let sign = |key: &SecretBox<Vec<u8>>| {
            let mut mac =
                Hmac::<Sha256>::new_from_slice(key.expose_secret()).expect("HMAC takes a key of any length");
            mac.update(format!("{id}.{seconds}.").as_bytes());
            mac.update(body);
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        };
        self.0.iter().map(sign).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn secret(bytes: usize) -> String {
        format!("{PREFIX}{}", STANDARD.encode(vec![7; bytes]))
    }

    #[test]
    fn a_signature_is_the_one_of_the_specifications_example() {
        // The example of the specification's own libraries.
        let keys = SigningKeys::of(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()).unwrap();
        let signed = keys.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_a_key_is_exchanged_both_sign_the_newest_first() {
        let (new, old) = (secret(24), secret(32));
        let both = SigningKeys::of(&format!("{new} {old}").into()).unwrap().sign("i", 1, b"x");
        let alone = |secret: &str| SigningKeys::of(&secret.into()).unwrap().sign("i", 1, b"x");
        assert_eq!(both, format!("{} {}", alone(&new), alone(&old)));
    }

    #[rstest]
    #[case(secret(23), false)]
    #[case(secret(24), true)]
    #[case(secret(64), true)]
    #[case(secret(65), false)]
    #[case("whsec_not base64".to_owned(), false)]
    #[case(STANDARD.encode([7; 32]), false)]
    #[case(String::new(), false)]
    #[case([secret(24), secret(24), secret(24)].join(" "), false)]
    fn a_secret_has_a_prefix_and_24_to_64_bytes(#[case] text: String, #[case] fits: bool) {
        assert_eq!(SigningKeys::of(&text.into()).is_ok(), fits);
    }
}
