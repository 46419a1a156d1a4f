//! Install into a fresh namespace with the declared prerequisites only, and look at what stands.

use camino::Utf8Path;
use jiff::Timestamp;

use super::diary::Diary;
use crate::bench::{Bench, BenchError};
use crate::probe::{Login, Transport};
use crate::record::{Experiment, Record};

/// The moment when every workload has settled.
pub const SETTLED: &str = "settled";
/// The login that the experiment tries without TLS.
pub const PLAINTEXT: &str = "without TLS";
/// The same login over TLS, verified where the database publishes a CA: the control for the one without.
pub const VERIFIED: &str = "over verified TLS";

/// The step whose end may never come: what then stands is an answer, but nothing to disturb any further.
pub(super) const SETTLE: &str = "wait for every workload to settle";

/// Why the workloads did not settle at the end of an experiment that judges what then stands, if they did not.
pub(super) fn unsettled(record: &Record) -> Option<&str> {
    let judges = matches!(record.experiment, Experiment::Install | Experiment::RotatePassword);
    record.step(SETTLE).filter(|_| judges)?.unmet.as_deref()
}

pub(super) async fn run(bench: &Bench, helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    let began = Timestamp::now();
    diary.step("apply the companions and wait for the database", bench.prepare()).await?;
    diary.step("install the releases", bench.install(helm, &[])).await?;
    if diary.hope(SETTLE, bench.settle()).await {
        diary.step("see that it serves", bench.smoke(helm)).await?;
    }
    if !bench.installation().deleted.is_empty() {
        diary.step("delete what a planted defect deletes", bench.plant_deletions()).await?;
    }
    look(bench, helm, began, diary).await
}

/// What there is to see of an installation that has stood for a while.
pub(super) async fn revisit(
    bench: &Bench,
    helm: &Utf8Path,
    since: Timestamp,
    diary: &mut Diary,
) -> Result<(), BenchError> {
    diary.step("see that every workload is settled", bench.settle()).await?;
    look(bench, helm, since, diary).await
}

/// Looking changes nothing.
async fn look(bench: &Bench, helm: &Utf8Path, since: Timestamp, diary: &mut Diary) -> Result<(), BenchError> {
    diary.look(bench, SETTLED, since).await?;
    let exposed = diary.step("look for passwords in the open", bench.exposed(helm)).await?;
    let tried = diary.step("log in without TLS, and over verified TLS", try_logins(bench)).await?;
    let accounts = diary.step("ask what the accounts of the pods may do", bench.accounts()).await?;
    let databases = diary.step("log into every declared database with every declared role", bench.databases()).await?;
    let entrances = diary.step("look for what leads to the database", bench.entrances()).await?;
    let rights = diary.step("ask what the copier of the CA may do", bench.rights_of_copier()).await?;
    if let Some(settled) = diary.latest() {
        if let Some(copied) = &mut settled.copied {
            copied.rights = rights;
        }
        settled.accounts = accounts;
        settled.databases = databases;
        settled.entrances = entrances;
        settled.exposed = Some(exposed);
        settled.tried.extend(tried);
    }
    Ok(())
}

/// The application's own credential, so that nothing but the transport differs.
async fn try_logins(bench: &Bench) -> Result<Vec<(String, Login)>, BenchError> {
    let Some(credential) = bench.application_credential().await? else { return Ok(Vec::new()) };
    let Some(cluster) = &bench.installation().database else {
        if bench.installation().bundled.is_none() {
            return Ok(Vec::new());
        }
        return Ok(vec![
            (PLAINTEXT.to_owned(), bench.try_from_a_pod(&credential, "disable").await?),
            (VERIFIED.to_owned(), bench.try_verified(&credential).await?),
        ]);
    };
    let name = format!("{cluster}-rw");
    let ca = bench.ca_pem().await?;
    Ok(vec![
        (PLAINTEXT.to_owned(), bench.try_login(&credential, Transport::Plaintext).await?),
        (VERIFIED.to_owned(), bench.try_login(&credential, Transport::Verified { name: &name, ca: &ca }).await?),
    ])
}
