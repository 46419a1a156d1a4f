//! Upgrade twice without any change, and see which credentials are not what they were.
//!
//! Twice, because what `lookup` keeps the first time may still be made anew by a hook the second time.

use camino::Utf8Path;
use jiff::Timestamp;

use super::diary::Diary;
use crate::bench::{Bench, BenchError};
use crate::record::{AFTER, BEFORE};

/// The answer to which certificate the application is meant to serve: its SHA-256.
pub const INTENDED: &str = "the certificate that is meant";

pub(super) async fn run(bench: &Bench, helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    let began = Timestamp::now();
    diary.look(bench, BEFORE, began).await?;
    look_at_front(bench, diary).await?;
    for count in ["once", "twice"] {
        diary.step(&format!("upgrade with the same values, {count}"), bench.install(helm, &[])).await?;
        diary.step("wait for every workload to settle", bench.settle()).await?;
    }
    diary.look(bench, AFTER, began).await?;
    look_at_front(bench, diary).await
}

/// What the application serves itself, where it serves TLS.
async fn look_at_front(bench: &Bench, diary: &mut Diary) -> Result<(), BenchError> {
    if bench.installation().front.as_ref().is_none_or(|front| front.certificate.is_none()) {
        return Ok(());
    }
    let asked = diary.step("ask every replica for its certificate", bench.look_at_front()).await?;
    let intended = diary.step("read the certificate that is meant", bench.intended_certificate()).await?;
    if let Some(latest) = diary.latest() {
        latest.asked = asked;
        latest.answers.extend(intended.map(|intended| (INTENDED.to_owned(), intended.sha256)));
    }
    Ok(())
}
