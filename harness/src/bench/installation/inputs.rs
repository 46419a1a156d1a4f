//! What whoever installs a chart has to bring: passwords and keys that are in no file of its repository, and its CA.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::ring;
use secrecy::SecretString;

use crate::bench::{Bench, BenchError, CaInputs};
use crate::subject::Subject;

/// The values that a subject's chart insists on, each with a secret of its own.
pub(in crate::bench) fn of(subject: &Subject) -> Vec<(String, SecretString)> {
    let password = subject.database().bundled.as_ref().and_then(|bundled| bundled.password_value.clone());
    let keys = subject.file().api_keys.as_ref().map(|keys| keys.value.clone());
    password.into_iter().chain(keys).map(|path| (path, unguessed())).collect()
}

impl Bench {
    /// The values through which the chart is told its CA.
    ///
    /// # Errors
    /// When the subject does not say.
    pub(crate) fn ca_inputs(&self) -> Result<&CaInputs, BenchError> {
        self.installation.ca.as_ref().ok_or_else(|| {
            BenchError::Unsuited("the subject does not say under `database.ca` which values name its CA".into())
        })
    }

    /// The key with which clients ask, where nothing can be done without one.
    ///
    /// # Errors
    /// When the subject does not say which value lists the keys.
    pub(crate) fn required_api_key(&self) -> Result<SecretString, BenchError> {
        self.listed_api_key().ok_or_else(|| {
            BenchError::Unsuited("the subject does not say under `apiKeys` which value lists its keys".into())
        })
    }

    /// The key with which clients ask the application, where its chart insists on one.
    pub(crate) fn listed_api_key(&self) -> Option<SecretString> {
        let path = self.installation.api_keys.as_ref()?;
        let given = self.installation.inputs.iter().find(|(given, _)| given == path);
        given.map(|(_, key)| key.clone())
    }
}

/// A secret as `openssl rand -base64 24` prints it: with characters in it that an URL cannot hold as they are.
pub(crate) fn unguessed() -> SecretString {
    SecretString::from(format!("{}/+", STANDARD.encode(random::<24>())))
}

/// Random bytes, at least 16. Where the machine gives none, the time: unique, and no secret.
pub(in crate::bench) fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    const { assert!(LENGTH >= 16) };
    let mut bytes = [0; LENGTH];
    if ring::default_provider().secure_random.fill(&mut bytes).is_err() {
        bytes[..16].copy_from_slice(&jiff::Timestamp::now().as_nanosecond().to_be_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::unguessed;

    #[test]
    fn two_secrets_are_never_alike_and_hold_what_an_url_cannot() {
        let [one, other] = [unguessed(), unguessed()];
        assert_ne!(one.expose_secret(), other.expose_secret());
        assert!(
            one.expose_secret().len() >= 32 && one.expose_secret().contains('/') && one.expose_secret().contains('+')
        );
    }
}
