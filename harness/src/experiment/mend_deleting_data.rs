//! Follow the documented way that begins with an empty volume, beside a second release whose data must stay.

use jiff::Timestamp;

use super::diary::Diary;
use super::documented::{COMMANDS, follow_documentation};
use super::first_boot::{begin, look};
use super::mend_keeping_data::undocumented;
use super::rotation::try_both;
use crate::bench::{Bench, BenchError, BundledServer, Programs, unguessed};
use crate::probe::Credential;
use crate::record::{AFTER, BEFORE};

pub(super) async fn run(bench: &Bench, programs: &Programs, diary: &mut Diary) -> Result<(), BenchError> {
    let procedure =
        bench.bundled()?.deleting_data.clone().ok_or_else(|| undocumented("begins with an empty volume"))?;
    let helm = &programs.helm;
    let password = unguessed();
    let install = bench.install_beside(helm, &password);
    let beside = diary.step("install a second release beside it", install).await?;
    diary.step("wait for every workload to settle", bench.settle()).await?;
    diary.step("leave rows in the second release's database", bench.leave_rows(&beside)).await?;
    begin(bench, diary, BEFORE).await?;
    look_beside(bench, diary, &beside).await?;
    let old = diary.step("read the credential", bench.required_credential()).await?;

    let new = Credential { password: unguessed(), ..old.clone() };
    let key = bench.listed_api_key();
    let mut secrets = vec![("NEW_PASSWORD", &new.password), ("PASSWORD", &new.password)];
    secrets.extend(key.iter().map(|key| ("API_KEY", key)));
    let mending = Timestamp::now();
    let ran = follow_documentation(bench, programs, diary, &procedure, &secrets).await?;
    diary.hope("wait for every workload to settle for good", bench.settle_for_good()).await;
    look(bench, diary, AFTER, mending).await?;
    look_beside(bench, diary, &beside).await?;
    diary.latest().map(|latest| latest.answers.insert(COMMANDS.into(), ran));
    try_both(bench, diary, &old, &new).await?;

    diary.step("take the second release away", bench.remove_beside(helm, &beside)).await
}

async fn look_beside(bench: &Bench, diary: &mut Diary, beside: &BundledServer) -> Result<(), BenchError> {
    let stored = diary.step("look at what stands on the second release's volume", bench.stored(beside)).await?;
    if let Some(latest) = diary.latest() {
        latest.stored.push(stored);
    }
    Ok(())
}
