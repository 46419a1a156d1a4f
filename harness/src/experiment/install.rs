//! Install into a fresh namespace with the declared prerequisites only, and look at what stands.

use camino::Utf8Path;
use jiff::Timestamp;
use secrecy::SecretString;

use super::diary::Diary;
use crate::bench::{Bench, BenchError};
use crate::cluster::forward;
use crate::error::Chain;
use crate::probe::{Credential, Login, Transport, login};

/// The moment when every workload has settled.
pub const SETTLED: &str = "settled";
/// The login that the experiment tries without TLS.
pub const PLAINTEXT: &str = "without TLS";
/// The same login over TLS that is verified: the control for the one without.
pub const VERIFIED: &str = "over verified TLS";

pub(super) async fn run(bench: &Bench, helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    let began = Timestamp::now();
    diary.step("apply the companions and wait for the database", bench.prepare()).await?;
    diary.step("install the releases", bench.install(helm, &[])).await?;
    diary.step("wait for every workload to settle", bench.settle()).await?;
    diary.look(bench, SETTLED, began).await?;

    let tried = diary.step("log in without TLS, and over verified TLS", try_logins(bench)).await?;
    if let Some(settled) = diary.latest() {
        settled.tried.extend(tried);
    }
    Ok(())
}

/// The application's own credential, so that nothing but the transport differs.
async fn try_logins(bench: &Bench) -> Result<Vec<(String, Login)>, BenchError> {
    let (Some(cluster), Some(credential)) = (&bench.installation().database, application_credential(bench).await?)
    else {
        return Ok(Vec::new());
    };
    let name = format!("{cluster}-rw");
    let ca = bench.ca_pem().await?;
    let primary = bench.database()?.primary().await;
    let primary = primary.map_err(|source| BenchError::Query { namespace: bench.namespace().to_owned(), source })?;
    let attempt = async |transport: Transport<'_>| match forward(&bench.pods(), &primary, 5432).await {
        Ok(stream) => login(stream, &credential, transport).await,
        Err(error) => Login::Unknown { reason: Chain(&error).to_string() },
    };
    Ok(vec![
        (PLAINTEXT.to_owned(), attempt(Transport::Plaintext).await),
        (VERIFIED.to_owned(), attempt(Transport::Verified { name: &name, ca: &ca }).await),
    ])
}

async fn application_credential(bench: &Bench) -> Result<Option<Credential>, BenchError> {
    let Some(declared) = &bench.installation().credential else { return Ok(None) };
    let secret = bench.secrets().get_opt(&declared.secret).await;
    let secret = secret.map_err(|source| bench.objects("read the application's credential", source))?;
    let data = secret.and_then(|secret| secret.data).unwrap_or_default();
    let text = |key: &str| data.get(key).and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
    Ok(text(&declared.password_key).map(|password| Credential {
        role: declared.role.clone(),
        password: SecretString::from(password),
        database: text("dbname").unwrap_or_else(|| declared.role.clone()),
    }))
}
