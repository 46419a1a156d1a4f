//! Install on empty databases as people do who want to know the end: Helm waits, and rolls back what fails. Each Helm.

use jiff::Timestamp;

use super::diary::Diary;
use crate::bench::{Bench, BenchError, Programs};
use crate::error::Chain;
use crate::helm::HelmMajor;
use crate::record::{Attempt, BEFORE};

/// The moment after an installation for which Helm waited.
pub fn after_waiting(helm: HelmMajor) -> String {
    format!("after {helm} waited for the installation")
}

pub(super) async fn run(bench: &Bench, programs: &Programs, diary: &mut Diary) -> Result<(), BenchError> {
    let databases = bench.migration().map(|migration| migration.databases.clone()).unwrap_or_default();
    for (turn, helm) in programs.helms.iter().enumerate() {
        if turn > 0 {
            diary.step("uninstall the releases", bench.uninstall(&programs.helm)).await?;
            diary.step("wait until their pods are gone", bench.pods_are_gone()).await?;
            diary.step("remove the database with everything in it", bench.remove_database()).await?;
        }
        diary.step("apply the companions and wait for the database", bench.prepare()).await?;
        diary.look_at_databases(bench, BEFORE, &databases).await?;
        let began = Timestamp::now();
        let waited = diary.step(&format!("install by {}, and wait", helm.major), bench.install_waiting(helm)).await;
        let seconds = Some(Timestamp::now().duration_since(began).as_secs_f64());
        let attempt = match waited {
            Ok(()) => Attempt { succeeded: true, seconds, said: String::new() },
            Err(error @ BenchError::Helm { .. }) => {
                Attempt { succeeded: false, seconds, said: Chain(&error).to_string() }
            }
            Err(other) => return Err(other),
        };
        diary.look_at_databases(bench, &after_waiting(helm.major), &databases).await?;
        diary.attempted(attempt);
    }
    Ok(())
}
