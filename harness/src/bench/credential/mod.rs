//! The application's credential: reading it, trying it, and giving the role another password.

mod authority;
mod secrets;
mod spelling;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio::time::timeout;

pub(super) use self::authority::writers;
pub(super) use self::secrets::digests_of;
pub use self::spelling::Format;
use self::spelling::rewritten;
use crate::bench::installation::random;
use crate::bench::{Bench, BenchError, CredentialSecret};
use crate::cluster::{FIELD_MANAGER, forward};
use crate::digest::sha256;
use crate::error::Chain;
use crate::probe::{Credential, Login, Transport, login};
use crate::wait::{Budget, Progress, poll_until};

/// The annotation that changes when an object is written without a change of what it holds.
pub(super) const TOUCHED: &str = "holdfast.dev/touched";
/// How long one attempt to log in or to shake hands may stay unanswered.
pub(super) const ANSWER: Duration = Duration::from_secs(10);
/// The SQLSTATE of a wrong password.
const WRONG_PASSWORD: &str = "28P01";

pub(crate) const ACCEPTED: Budget = Budget::seconds("the database to accept the new password", 30);

const ANSWERED: Budget = Budget::seconds("the database to say yes or no to a login", 30);

/// Long enough that also who reads the Secret from a volume has seen that it is gone, and that logins are tried after it.
const BACK: Budget = Budget::seconds("the Secret with the credential to be made again", 25);
pub(crate) const REFUSED: Budget = Budget::seconds("the database to refuse the old password", 30);

impl Bench {
    /// The Secret with the credential that experiments disturb.
    ///
    /// # Errors
    /// When the subject does not say where it is.
    pub(crate) fn declared_credential(&self) -> Result<&CredentialSecret, BenchError> {
        self.installation().credentials.first().ok_or_else(|| {
            BenchError::Unsuited("the subject does not say under `database.credentials` where its password is".into())
        })
    }

    /// The credential of the application, if the subject says where it is and it is there.
    ///
    /// # Errors
    /// When its Secret cannot be read.
    pub(crate) async fn application_credential(&self) -> Result<Option<Credential>, BenchError> {
        match self.installation().credentials.first() {
            Some(declared) => self.credential(declared).await,
            None => Ok(None),
        }
    }

    /// The same, where nothing can be done without it.
    ///
    /// # Errors
    /// When the subject does not say where it is, or it is not there.
    pub(crate) async fn required_credential(&self) -> Result<Credential, BenchError> {
        let declared = self.declared_credential()?;
        self.credential(declared).await?.ok_or_else(|| {
            BenchError::Unsuited(format!("Secret {} has no key {}", declared.secret, declared.password_key))
        })
    }

    /// The credential in a Secret, if it is there.
    ///
    /// # Errors
    /// When the Secret cannot be read.
    pub(crate) async fn credential(&self, declared: &CredentialSecret) -> Result<Option<Credential>, BenchError> {
        let data = self.credential_data(declared).await?;
        let text = |key: &str| data.get(key).and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
        Ok(text(&declared.password_key).map(|password| Credential {
            role: declared.role.clone(),
            password: SecretString::from(password),
            database: declared.database.clone().or_else(|| text("dbname")).unwrap_or_else(|| declared.role.clone()),
        }))
    }

    /// Logs in with what each key of the credential's Secret says, by the key: `key uri of secret/agents-db-app`.
    ///
    /// # Errors
    /// When the Secret cannot be read, or there is no primary.
    pub(crate) async fn try_every_key(&self) -> Result<BTreeMap<String, Login>, BenchError> {
        let declared = self.declared_credential()?;
        let data = self.credential_data(declared).await?;
        let own = self.required_credential().await?;
        let mut tried = BTreeMap::new();
        let mut note = async |key: &str, credential: Option<Credential>| -> Result<(), BenchError> {
            let login = match credential {
                Some(credential) => self.learn_login(&credential).await?,
                None => Login::Unreadable,
            };
            tried.insert(format!("key {key} of secret/{}", declared.secret), login);
            Ok(())
        };
        note(&declared.password_key, Some(own.clone())).await?;
        for (format, key) in &declared.derived {
            let text = data.get(key).and_then(|bytes| std::str::from_utf8(&bytes.0).ok());
            let parsed = text.and_then(|text| format.read(text)).map(|(role, password)| Credential {
                role,
                password: SecretString::from(password),
                database: own.database.clone(),
            });
            note(key, parsed).await?;
        }
        Ok(tried)
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
        Ok(self.log_in_at(&primary, credential, transport).await)
    }

    /// Logs in at a pod. An attempt that is not answered ends, so that whoever waits can make another: a forwarded port
    /// may be silent for ever.
    pub(super) async fn log_in_at(&self, pod: &str, credential: &Credential, transport: Transport<'_>) -> Login {
        let pods = self.pods();
        let attempt = async {
            match forward(&pods, pod, 5432).await {
                Ok(stream) => login(stream, credential, transport).await,
                Err(error) => Login::Unknown { reason: Chain(&error).to_string() },
            }
        };
        let unanswered =
            || Login::Unknown { reason: format!("pod {pod} did not answer within {} s", ANSWER.as_secs()) };
        timeout(ANSWER, attempt).await.unwrap_or_else(|_elapsed| unanswered())
    }

    /// Logs in as [`Self::try_login`] does, over TLS that is verified against the published CA; a PostgreSQL of the chart's publishes none, and is
    /// asked from a pod.
    ///
    /// # Errors
    /// When there is no primary, or the CA cannot be read.
    pub(crate) async fn try_verified(&self, credential: &Credential) -> Result<Login, BenchError> {
        if self.installation.database.is_none() {
            return self.try_from_a_pod(credential, "require").await;
        }
        let (name, ca) = (format!("{}-rw", self.database_name()?), self.ca_pem().await?);
        self.try_login(credential, Transport::Verified { name: &name, ca: &ca }).await
    }

    /// Logs in as [`Self::try_verified`] does, until the answer says something of the credential. A server that has just
    /// come back, or a forwarded port that stays silent, says nothing; where nothing else comes, that is the answer.
    ///
    /// # Errors
    /// When there is no primary, or the CA cannot be read.
    pub(crate) async fn learn_login(&self, credential: &Credential) -> Result<Login, BenchError> {
        let last = RefCell::new(None);
        let told = poll_until(self.allow(ANSWERED), || async {
            match self.try_verified(credential).await {
                Ok(login) if login.decides() => Progress::Ready(Ok(login)),
                Ok(login) => {
                    let said = login.to_string();
                    last.replace(Some(login));
                    Progress::NotYet(said)
                }
                Err(error) => Progress::Ready(Err(error)),
            }
        });
        match told.await {
            Ok(told) => told,
            Err(error) => last.take().ok_or_else(|| self.waited(error)),
        }
    }

    /// Gives the application's role another password, by its Secret alone, and waits until the database accepts it.
    ///
    /// # Errors
    /// When the subject does not say where the credential is, or the database goes on refusing it.
    pub(crate) async fn set_password(&self, password: &SecretString) -> Result<(), BenchError> {
        let changed = self.write_password(password).await?;
        self.accepts(&changed).await
    }

    /// Writes another password into the Secret of the application's role, and waits for nothing.
    ///
    /// The operator never rewrites a Secret that is there, so every key that holds the password is rewritten here.
    ///
    /// # Errors
    /// When the subject does not say where the credential is, or the Secret cannot be written.
    pub(crate) async fn write_password(&self, password: &SecretString) -> Result<Credential, BenchError> {
        let (declared, old) = (self.declared_credential()?, self.required_credential().await?);
        let data = self.credential_data(declared).await?;
        self.rewrite_password(&declared.secret, &declared.password_key, &data, (&old.password, password)).await?;
        Ok(Credential { password: password.clone(), ..old })
    }

    /// Writes the second password in the place of the first one, in every key of a Secret that holds this data.
    ///
    /// # Errors
    /// When the password cannot be registered or the Secret cannot be written.
    pub(super) async fn rewrite_password(
        &self,
        secret: &str,
        key: &str,
        data: &BTreeMap<String, ByteString>,
        (old, new): (&SecretString, &SecretString),
    ) -> Result<(), BenchError> {
        self.register_as(secret, key, new)?;
        let data = rewritten(data, old.expose_secret(), new.expose_secret());
        let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        let patched = self.secrets().patch(secret, &parameters, &Patch::Merge(json!({"data": data}))).await;
        patched.map_err(|source| self.objects(format!("write Secret {secret}"), source))?;
        self.register_credentials().await
    }

    /// Writes the Secret of the application's role without a change of what it holds.
    ///
    /// # Errors
    /// When the subject does not say where it is, or it cannot be written.
    pub(crate) async fn touch_credential(&self) -> Result<(), BenchError> {
        let declared = self.declared_credential()?;
        let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        let touched = json!({"metadata": {"annotations": {TOUCHED: jiff::Timestamp::now().to_string()}}});
        let patched = self.secrets().patch(&declared.secret, &parameters, &Patch::Merge(touched)).await;
        patched.map(drop).map_err(|source| self.objects(format!("touch Secret {}", declared.secret), source))
    }

    /// Deletes the Secret of the application's role.
    ///
    /// # Errors
    /// When the subject does not say where it is, or the API server refuses.
    pub(crate) async fn delete_credential(&self) -> Result<(), BenchError> {
        let declared = self.declared_credential()?;
        let deleted = self.secrets().delete(&declared.secret, &DeleteParams::default()).await;
        deleted.map(drop).map_err(|source| self.objects(format!("delete Secret {}", declared.secret), source))
    }

    /// Waits until the Secret of the application's role is there and has a password.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(crate) async fn credential_is_back(&self) -> Result<(), BenchError> {
        let back = poll_until(self.allow(BACK), || async {
            match self.application_credential().await {
                Ok(Some(credential)) if !credential.password.expose_secret().is_empty() => Progress::Ready(()),
                Ok(Some(_)) => Progress::NotYet("its password is empty".into()),
                Ok(None) => Progress::NotYet("it is not there, or has no password".into()),
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        back.await.map_err(|error| self.waited(error))
    }

    /// Gives the application's role another password in the database alone, as somebody with `psql` would.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(crate) async fn alter_role(&self, password: &SecretString) -> Result<Credential, BenchError> {
        let old = self.required_credential().await?;
        self.register_password(password)?;
        let (role, literal) = (old.role.replace('"', "\"\""), password.expose_secret().replace('\'', "''"));
        let altered = self.database()?.execute(&format!("ALTER ROLE \"{role}\" PASSWORD '{literal}';")).await;
        altered.map_err(|source| BenchError::Query { namespace: self.namespace().to_owned(), source })?;
        Ok(Credential { password: password.clone(), ..old })
    }

    /// A password that nobody used before: 32 letters and digits.
    pub(crate) fn new_password() -> SecretString {
        SecretString::from(sha256(random::<16>())[..32].to_owned())
    }

    /// Waits until a login with this credential is accepted.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(crate) async fn accepts(&self, credential: &Credential) -> Result<(), BenchError> {
        self.answers_login(credential, ACCEPTED, |login| *login == Login::Accepted).await
    }

    /// Waits until a login with this credential is refused for its password.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(crate) async fn refuses(&self, credential: &Credential) -> Result<(), BenchError> {
        let refused = |login: &Login| matches!(login, Login::Refused { sqlstate } if sqlstate == WRONG_PASSWORD);
        self.answers_login(credential, REFUSED, refused).await
    }

    async fn answers_login(
        &self,
        credential: &Credential,
        budget: Budget,
        wanted: impl Fn(&Login) -> bool,
    ) -> Result<(), BenchError> {
        let answered = poll_until(self.allow(budget), || async {
            match self.try_verified(credential).await {
                Ok(login) if wanted(&login) => Progress::Ready(()),
                Ok(other) => Progress::NotYet(other.to_string()),
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        answered.await.map_err(|error| self.waited(error))
    }

    pub(super) fn register_password(&self, password: &SecretString) -> Result<(), BenchError> {
        let declared = self.declared_credential()?;
        self.register_as(&declared.secret, &declared.password_key, password)
    }

    fn register_as(&self, secret: &str, key: &str, password: &SecretString) -> Result<(), BenchError> {
        let name = format!("{}/{secret}/{key}", self.namespace());
        let registered = self.keep.redactor.register(&name, password.expose_secret());
        registered.map(drop).map_err(|source| BenchError::Confidence { source })
    }

    pub(super) async fn credential_data(
        &self,
        declared: &CredentialSecret,
    ) -> Result<BTreeMap<String, ByteString>, BenchError> {
        let secret: Option<Secret> = self
            .secrets()
            .get_opt(&declared.secret)
            .await
            .map_err(|source| self.objects("read the application's credential", source))?;
        Ok(secret.and_then(|secret| secret.data).unwrap_or_default())
    }
}
