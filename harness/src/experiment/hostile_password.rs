//! Give the application's role a password in which every character means something in a URL, and see who logs in.

use camino::Utf8Path;
use jiff::Timestamp;
use secrecy::SecretString;

use super::diary::Diary;
use crate::bench::{Bench, BenchError};
use crate::record::{AFTER, DURING};

/// Every character that has a meaning of its own in a URL, and a run of others that no two runs share.
fn hostile_password() -> String {
    let unique = crate::digest::sha256(Timestamp::now().as_nanosecond().to_be_bytes());
    format!("p@s/s:w#r?d%+ &{}", &unique[..16])
}

pub(super) async fn run(bench: &Bench, _helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    let old = diary.step("read the password", bench.required_credential()).await?;
    diary.look_at_clients(bench, Some(&old.role)).await?;

    let began = Timestamp::now();
    let hostile = SecretString::from(hostile_password());
    diary.step("change the password, and wait until the database accepts it", bench.set_password(&hostile)).await?;
    diary.step("restart every workload", bench.restart()).await?;
    // Whoever reads the new password wrongly never becomes ready.
    diary.hope("wait for every workload to settle", bench.settle()).await;
    diary.look(bench, DURING, began).await?;
    let disturbed = diary.latest().map(|during| during.pods.clone()).unwrap_or_default();

    diary.step("give the old password back", bench.set_password(&old.password)).await?;
    diary.step("restart every workload again", bench.restart()).await?;
    diary.step("wait for every workload to settle again", bench.settle_beside(&disturbed)).await?;
    diary.look(bench, AFTER, began).await
}
