//! Install, rotate the CA and go back by what the chart's README says, and nothing else.

use jiff::Timestamp;

use super::diary::Diary;
use super::documented::{COMMANDS, follow_documentation};
use super::rotate_ca::FOLLOWED;
use crate::bench::{Bench, BenchError, Programs};

/// The moment after the commands for the installation.
pub const INSTALLED_AS_WRITTEN: &str = "installed as the README says";
/// The moment after those for another CA.
pub const ROTATED_AS_WRITTEN: &str = "rotated as the README says";
/// The moment after those for the CA of before.
pub const ROLLED_BACK_AS_WRITTEN: &str = "rolled back as the README says";

pub(super) async fn run(bench: &Bench, programs: &Programs, diary: &mut Diary) -> Result<(), BenchError> {
    let procedures = bench.ca_procedures()?.clone();
    diary.step("uninstall the releases", bench.uninstall(&programs.helm)).await?;
    diary.step("wait until their pods are gone", bench.pods_are_gone()).await?;
    let moments = [
        (INSTALLED_AS_WRITTEN, &procedures.install),
        (ROTATED_AS_WRITTEN, &procedures.rotate),
        (ROLLED_BACK_AS_WRITTEN, &procedures.roll_back),
    ];
    for (moment, procedure) in moments {
        let began = Timestamp::now();
        let ran = follow_documentation(bench, programs, diary, procedure, &[]).await?;
        diary.hope("wait for every workload to settle", bench.settle()).await;
        let following = bench.consumers_follow_ca(began, bench.allow_refresh(FOLLOWED));
        diary.hope("wait until every consumer is served under the published CA", following).await;
        diary.look(bench, moment, began).await?;
        diary.latest().map(|latest| latest.answers.insert(COMMANDS.into(), ran));
    }
    diary.step("uninstall what the commands installed", bench.uninstall(&programs.helm)).await?;
    diary.step("install as the engine does", bench.install(&programs.helm, &[])).await?;
    diary.step("wait for every workload to settle again", bench.settle()).await
}
