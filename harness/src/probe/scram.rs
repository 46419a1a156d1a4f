//! Whether the verifier that the server keeps of a role is that of a password, found out without a login.
//!
//! `pg_authid.rolpassword` has it as `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>` (RFC 5803, with the
//! keys of RFC 5802). A password in plain ASCII is its own SASLprep form; passwords of others are not told apart here.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Whether a verifier is that of a password; nothing if it is no SCRAM verifier, or the password needs SASLprep.
pub fn verifies(verifier: &str, password: &str) -> Option<bool> {
    if !password.is_ascii() {
        return None;
    }
    let (parameters, keys) = verifier.strip_prefix("SCRAM-SHA-256$")?.split_once('$')?;
    let (iterations, salt) = parameters.split_once(':')?;
    let (stored, server) = keys.split_once(':')?;
    let salted = salted(password, &BASE64_STANDARD.decode(salt).ok()?, iterations.parse().ok()?)?;
    let stored_key = Sha256::digest(keyed(&salted, b"Client Key")?);
    let server_key = keyed(&salted, b"Server Key")?;
    let same = |encoded: &str, key: &[u8]| BASE64_STANDARD.decode(encoded).is_ok_and(|known| known == key);
    Some(same(stored, &stored_key) && same(server, &server_key))
}

/// `Hi` of RFC 5802, section 2.2.
fn salted(password: &str, salt: &[u8], iterations: u32) -> Option<[u8; 32]> {
    let mut block = keyed(password.as_bytes(), &[salt, &1_u32.to_be_bytes()].concat())?;
    let mut result = block;
    for _ in 1..iterations {
        block = keyed(password.as_bytes(), &block)?;
        result.iter_mut().zip(block).for_each(|(sum, byte)| *sum ^= byte);
    }
    Some(result)
}

fn keyed(key: &[u8], message: &[u8]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(message);
    Some(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::verifies;

    /// What PostgreSQL 17 keeps of the password `pencil`.
    const PENCIL: &str = "SCRAM-SHA-256$4096:QSXCR+Q6sek8bf92$\
                          6NlHnCD4bT4ykSvCPRFZ4E9zKp1qVvx6xSAfqGyAhpU=:ZZZ";

    #[rstest]
    #[case::no_verifier("md5d41d8cd98f00b204e9800998ecf8427e", "pencil")]
    #[case::in_the_clear("pencil", "pencil")]
    #[case::a_password_that_needs_a_preparation(PENCIL, "Bleistift\u{e4}")]
    fn what_cannot_be_told_is_not_told(#[case] verifier: &str, #[case] password: &str) {
        assert_eq!(verifies(verifier, password), None);
    }

    #[rstest]
    #[case::its_own("pencil", true)]
    #[case::another("pencil2", false)]
    #[case::with_a_line_end("pencil\n", false)]
    fn a_verifier_is_that_of_one_password(#[case] password: &str, #[case] same: bool) {
        // RFC 7677, section 3: user, password and salt of its example.
        let verifier = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
                        WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
        assert_eq!(verifies(verifier, password), Some(same));
    }
}
