//! A bench that stays between runs: how it comes to stand, and what is seen of an installation on it.

use camino::Utf8Path;
use jiff::Timestamp;

use super::diary::Diary;
use super::install;
use crate::bench::{Bench, BenchError};
use crate::record::{Experiment, Record};

/// Installs what the bench is for, and lets it stay.
///
/// # Errors
/// When the installation does not come to stand.
pub async fn erect(bench: &Bench, helm: &Utf8Path, fingerprint: &str) -> Result<(), BenchError> {
    bench.prepare().await?;
    bench.install(helm, &[]).await?;
    bench.settle().await?;
    bench.stay(fingerprint).await
}

/// The record of the installation on a bench that stands since then: the same look as after a fresh one.
pub async fn revisit(bench: &Bench, helm: &Utf8Path, since: Timestamp) -> Record {
    let mut diary = Diary::open();
    let outcome = install::revisit(bench, helm, since, &mut diary).await;
    diary.seal(Experiment::Install, bench, outcome)
}
