//! The application's credential: reading it, and giving it another password in every key that holds the old one.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{Bench, BenchError, CredentialSecret};
use crate::cluster::{FIELD_MANAGER, forward};
use crate::error::Chain;
use crate::probe::{Credential, Login, Transport, login};
use crate::wait::{Budget, Progress, poll_until};

const ACCEPTED: Budget = Budget::seconds("the database to accept the new password", 30);

impl Bench {
    /// The credential of the application, if the subject says where it is and it is there.
    ///
    /// # Errors
    /// When its Secret cannot be read.
    pub(crate) async fn application_credential(&self) -> Result<Option<Credential>, BenchError> {
        let Some(declared) = &self.installation().credential else { return Ok(None) };
        let data = self.credential_data(declared).await?;
        let text = |key: &str| data.get(key).and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
        Ok(text(&declared.password_key).map(|password| Credential {
            role: declared.role.clone(),
            password: SecretString::from(password),
            database: text("dbname").unwrap_or_else(|| declared.role.clone()),
        }))
    }

    /// Logs in at the primary as the application would, and says how that ended.
    ///
    /// # Errors
    /// When there is no primary.
    pub(crate) async fn try_login(
        &self,
        credential: &Credential,
        transport: Transport<'_>,
    ) -> Result<Login, BenchError> {
        let primary = self.database()?.primary().await;
        let primary = primary.map_err(|source| BenchError::Query { namespace: self.namespace().to_owned(), source })?;
        Ok(match forward(&self.pods(), &primary, 5432).await {
            Ok(stream) => login(stream, credential, transport).await,
            Err(error) => Login::Unknown { reason: Chain(&error).to_string() },
        })
    }

    /// Gives the application's role another password, by its Secret alone, and waits until the database accepts it.
    ///
    /// The operator never rewrites a Secret that is there, so every key that holds the password is rewritten here.
    ///
    /// # Errors
    /// When the subject does not say where the credential is, or the database goes on refusing it.
    pub(crate) async fn set_password(&self, password: &SecretString) -> Result<(), BenchError> {
        let declared = self.installation().credential.as_ref().ok_or_else(|| {
            BenchError::Unsuited("the subject does not say under `database.credentials` where its password is".into())
        })?;
        let old = self.application_credential().await?.ok_or_else(|| {
            BenchError::Unsuited(format!("Secret {} has no key {}", declared.secret, declared.password_key))
        })?;
        let name = format!("{}/{}/{}", self.namespace(), declared.secret, declared.password_key);
        let registered = self.keep.redactor.register(&name, password.expose_secret());
        registered.map_err(|source| BenchError::Confidence { source })?;

        let data = self.credential_data(declared).await?;
        let data = rewritten(&data, old.password.expose_secret(), password.expose_secret());
        let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        let patch = Patch::Merge(json!({"data": data}));
        let patched = self.secrets().patch(&declared.secret, &parameters, &patch).await;
        patched.map_err(|source| self.objects(format!("write Secret {}", declared.secret), source))?;
        self.register_credentials().await?;
        self.accepts(&Credential { password: password.clone(), ..old }).await
    }

    async fn accepts(&self, credential: &Credential) -> Result<(), BenchError> {
        let (name, ca) = (format!("{}-rw", self.database_name()?), self.ca_pem().await?);
        let transport = Transport::Verified { name: &name, ca: &ca };
        let accepted = poll_until(self.allow(ACCEPTED), || async {
            match self.try_login(credential, transport).await {
                Ok(Login::Accepted) => Progress::Ready(()),
                Ok(other) => Progress::NotYet(other.to_string()),
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        accepted.await.map_err(|error| self.waited(error))
    }

    async fn credential_data(&self, declared: &CredentialSecret) -> Result<BTreeMap<String, ByteString>, BenchError> {
        let secret: Option<Secret> = self
            .secrets()
            .get_opt(&declared.secret)
            .await
            .map_err(|source| self.objects("read the application's credential", source))?;
        Ok(secret.and_then(|secret| secret.data).unwrap_or_default())
    }
}

/// The keys that hold the old password, with the new one in its place as the format of each asks for.
fn rewritten(data: &BTreeMap<String, ByteString>, old: &str, new: &str) -> BTreeMap<String, ByteString> {
    let spellings: [fn(&str) -> String; 3] = [str::to_owned, in_a_uri, in_a_passfile];
    let held = data.iter().filter_map(|(key, bytes)| {
        let text = std::str::from_utf8(&bytes.0).ok()?;
        let spelling = match key.as_str() {
            _ if text == old => spellings[0],
            key if key.contains("uri") || text.contains("://") => spellings[1],
            key if key.contains("pgpass") => spellings[2],
            _ => spellings[0],
        };
        let replaced = text.replace(&spelling(old), &spelling(new));
        (replaced != text).then(|| (key.clone(), ByteString(replaced.into_bytes())))
    });
    held.collect()
}

fn in_a_uri(password: &str) -> String {
    utf8_percent_encode(password, NON_ALPHANUMERIC).to_string()
}

/// libpq's password file escapes its separator and the escape itself.
fn in_a_passfile(password: &str) -> String {
    password.replace('\\', r"\\").replace(':', r"\:")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::ByteString;

    use super::rewritten;

    #[test]
    fn each_key_gets_the_password_in_its_own_spelling() {
        let data = [
            ("username", "app"),
            ("password", "old1"),
            ("uri", "postgresql://app:old1@db:5432/app"),
            ("jdbc-uri", "jdbc:postgresql://db:5432/app?password=old1&user=app"),
            ("pgpass", "db:5432:app:app:old1\n"),
        ];
        let data: BTreeMap<String, ByteString> =
            data.iter().map(|(key, text)| ((*key).to_owned(), ByteString(text.as_bytes().to_vec()))).collect();
        let changed = rewritten(&data, "old1", "p:@ \\");
        let text = |key: &str| String::from_utf8(changed[key].0.clone()).unwrap();
        assert_eq!(changed.len(), 4, "the name of the role is left alone");
        assert_eq!(text("password"), "p:@ \\");
        assert_eq!(text("uri"), "postgresql://app:p%3A%40%20%5C@db:5432/app");
        assert_eq!(text("jdbc-uri"), "jdbc:postgresql://db:5432/app?password=p%3A%40%20%5C&user=app");
        assert_eq!(text("pgpass"), "db:5432:app:app:p\\:@ \\\\\n");
    }
}
