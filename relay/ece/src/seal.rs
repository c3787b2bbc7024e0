//! One record of `aes128gcm`, under a key of its own.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::rand;

use crate::{Error, Result};

const AUTH_SECRET_BYTES: usize = 16;
const POINT_BYTES: usize = 65;
const SALT_BYTES: usize = 16;
const KEY_BYTES: usize = 16;
/// The record size that the header names: a push service takes bodies of 4,096 bytes (RFC 8030 7.2), in one record.
const RECORD_BYTES: u32 = 4_096;
/// What stands after the plaintext of the last record (RFC 8188 2).
const LAST_RECORD: u8 = 2;

/// Encrypts a payload for one subscription: the body of `Content-Encoding: aes128gcm`.
///
/// # Errors
/// [`Error`] if the subscription's keys are none, or the system has no random numbers.
pub fn encrypt(receiver: &[u8], auth_secret: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
    let mut salt = [0; SALT_BYTES];
    rand::fill(&mut salt).map_err(|_| Error::Crypto)?;
    let sender = PrivateKey::generate(&ECDH_P256).map_err(|_| Error::Crypto)?;
    encrypt_with(&sender, salt, receiver, auth_secret, plaintext)
}

fn encrypt_with(
    sender: &PrivateKey,
    salt: [u8; SALT_BYTES],
    receiver: &[u8],
    auth_secret: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>> {
    if auth_secret.len() != AUTH_SECRET_BYTES {
        return Err(Error::InvalidAuthSecret);
    }
    if receiver.len() != POINT_BYTES {
        return Err(Error::InvalidKey);
    }
    let public = sender.compute_public_key().map_err(|_| Error::Crypto)?;
    let public = public.as_ref();
    // RFC 8291 3.4: the shared secret, bound to both keys and to the secret that only the two ends know.
    let info = [b"WebPush: info\0".as_slice(), receiver, public].concat();
    let peer = UnparsedPublicKey::new(&ECDH_P256, receiver);
    let material = agreement::agree(sender, peer, Error::InvalidKey, |shared| {
        expand::<32>(&Salt::new(HKDF_SHA256, auth_secret).extract(shared), &info)
    })?;
    let keys = Salt::new(HKDF_SHA256, &salt).extract(&material);
    let key = expand::<KEY_BYTES>(&keys, b"Content-Encoding: aes128gcm\0")?;
    // The first and only record: its number, 0, leaves the nonce as it is.
    let nonce = expand::<NONCE_LEN>(&keys, b"Content-Encoding: nonce\0")?;
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).map_err(|_| Error::Crypto)?);
    let mut record = [plaintext, &[LAST_RECORD]].concat();
    cipher
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record)
        .map_err(|_| Error::Crypto)?;
    let key_id_bytes = [u8::try_from(public.len()).map_err(|_| Error::Crypto)?];
    Ok([salt.as_slice(), &RECORD_BYTES.to_be_bytes(), &key_id_bytes, public, &record].concat())
}

/// How many bytes are derived.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const BYTES: usize>(keys: &Prk, info: &[u8]) -> Result<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    let info = [info];
    let derived = keys.expand(&info, Length(BYTES)).map_err(|_| Error::Crypto)?;
    derived.fill(&mut bytes).map_err(|_| Error::Crypto)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use rstest::rstest;

    use super::*;

    const RECEIVER: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH_SECRET: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// RFC 8291, section 5 and appendix A.
    #[test]
    fn the_example_of_the_standard_comes_out() {
        let sender = bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
        let sender = PrivateKey::from_private_key(&ECDH_P256, &sender).unwrap();
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let body = encrypt_with(
            &sender,
            salt,
            &bytes(RECEIVER),
            &bytes(AUTH_SECRET),
            b"When I grow up, I want to be a watermelon",
        );
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz\
             AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(URL_SAFE_NO_PAD.encode(body.unwrap()), expected);
    }

    #[test]
    fn every_record_has_a_key_and_a_salt_of_its_own() {
        let sealed = || encrypt(&bytes(RECEIVER), &bytes(AUTH_SECRET), b"the same").unwrap();
        let (one, other) = (sealed(), sealed());
        assert_ne!(one[..SALT_BYTES], other[..SALT_BYTES]);
        assert_ne!(one[21..86], other[21..86]);
    }

    #[rstest]
    #[case::no_key(&[], Error::InvalidKey)]
    #[case::short(&[4; 64], Error::InvalidKey)]
    #[case::not_on_the_curve(&[4; 65], Error::InvalidKey)]
    fn what_is_no_key_encrypts_nothing(#[case] receiver: &[u8], #[case] error: Error) {
        assert_eq!(encrypt(receiver, &bytes(AUTH_SECRET), b"x"), Err(error));
    }

    #[rstest]
    #[case(15)]
    #[case(17)]
    fn an_authentication_secret_has_16_bytes(#[case] length: usize) {
        assert_eq!(encrypt(&bytes(RECEIVER), &vec![0; length], b"x"), Err(Error::InvalidAuthSecret));
    }
}
