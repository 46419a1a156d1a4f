//! What the experiments with a bundled PostgreSQL have in common: rows by which a volume is known again, and what pods
//! say when their password is refused.

use camino::Utf8Path;
use jiff::Timestamp;

use super::diary::{CONNECTED, Diary};
use super::rotation::NEW_CREDENTIAL;
use crate::bench::{Bench, BenchError};
use crate::probe::{Credential, Login};

/// The step in which Helm is given another password; a chart may refuse it.
pub const NEW_PASSWORD_TAKEN: &str = "upgrade with another password";
/// The step that waits for every workload on the other password.
pub const SETTLED_ON_IT: &str = "wait for every workload to settle on the other password";

/// Leaves rows on the volume, then looks at everything, volume and complaints included.
pub(super) async fn begin(bench: &Bench, diary: &mut Diary, moment: &str) -> Result<(), BenchError> {
    let server = bench.bundled()?.clone();
    diary.step("leave rows in the database", bench.leave_rows(&server)).await?;
    diary.hope(CONNECTED, bench.somebody_connects(None)).await;
    look(bench, diary, moment, bench.standing_since()).await
}

/// Looks at everything, volume and complaints included.
pub(super) async fn look(bench: &Bench, diary: &mut Diary, moment: &str, since: Timestamp) -> Result<(), BenchError> {
    let server = bench.bundled()?.clone();
    // First: it waits until the database answers, which everything else takes for granted.
    let stored = diary.step("look at what stands on the volume", bench.stored(&server)).await?;
    diary.look(bench, moment, since).await?;
    let complaints = diary.step("read what the pods log of a refused password", bench.complaints(since)).await?;
    if let Some(latest) = diary.latest() {
        latest.stored.push(stored);
        latest.complaints = complaints;
    }
    Ok(())
}

/// Gives the role the password that its Secret has, where it has another, so that the next experiment begins well.
pub(super) async fn reconcile(
    bench: &Bench,
    helm: &Utf8Path,
    diary: &mut Diary,
    new: &Credential,
) -> Result<(), BenchError> {
    let accepted = diary.latest().is_some_and(|latest| latest.tried.get(NEW_CREDENTIAL) == Some(&Login::Accepted));
    if accepted {
        return Ok(());
    }
    diary.step("give the role the password of its Secret", bench.alter_role(&new.password)).await?;
    diary.step("upgrade with it", bench.install_with_password(helm, &new.password)).await?;
    diary.step("restart every workload", bench.restart()).await?;
    diary.step("wait for every workload to settle again", bench.settle()).await
}
