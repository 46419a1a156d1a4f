//! Upgrade with another password for a PostgreSQL that has data, then restart whoever dials it.
//!
//! docker-library's image takes its password once. An upgrade that changes no pod template looks green until something
//! restarts, so everything that dials is restarted before the last look.

use jiff::Timestamp;

use super::diary::Diary;
use super::first_boot::{NEW_PASSWORD_TAKEN, SETTLED_ON_IT, begin, look, reconcile};
use super::rotation::try_both;
use crate::bench::{Bench, BenchError, Programs, unguessed};
use crate::probe::Credential;
use crate::record::{BEFORE, DURING};

/// The moment after the upgrade, before anything is restarted by hand.
pub const UPGRADED: &str = "after the upgrade";
/// The step that restarts whoever dials.
pub const RESTART_CLIENTS: &str = "restart every workload that dials";

pub(super) async fn run(bench: &Bench, programs: &Programs, diary: &mut Diary) -> Result<(), BenchError> {
    begin(bench, diary, BEFORE).await?;
    let clients = diary.clients();
    let old = diary.step("read the credential", bench.required_credential()).await?;
    let password = unguessed();
    let new = Credential { password: password.clone(), ..old.clone() };

    let vigil = bench.keep_vigil();
    let began = Timestamp::now();
    let upgrade = bench.install_with_password(&programs.helm, &password);
    let taken = diary.refusable(NEW_PASSWORD_TAKEN, upgrade).await?;
    if taken {
        diary.hope("wait for every workload to settle", bench.settle()).await;
        look(bench, diary, UPGRADED, began).await?;
        diary.step(RESTART_CLIENTS, bench.restart_workloads(&clients)).await?;
        diary.hope(SETTLED_ON_IT, bench.settle()).await;
    } else {
        // The control: it is the other password that is refused, and not every upgrade.
        let same = bench.install_with_password(&programs.helm, &old.password);
        diary.step("upgrade with the password of before", same).await?;
        diary.step("wait for every workload to settle", bench.settle()).await?;
    }
    look(bench, diary, DURING, began).await?;
    diary.keep_changes(vigil.end());
    try_both(bench, diary, &old, &new).await?;
    if taken {
        reconcile(bench, &programs.helm, diary, &new).await?;
    }
    Ok(())
}
