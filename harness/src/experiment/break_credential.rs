//! Change the password in the database alone, so that the Secret is wrong, and see who notices; then change it properly.
//!
//! A role of `spec.managed.roles` the operator corrects by itself when something makes it look at the cluster again.

use camino::Utf8Path;
use jiff::Timestamp;

use super::diary::Diary;
use super::rotation::{FOLLOWING, try_both};
use crate::bench::{Bench, BenchError};
use crate::record::{AFTER, DURING};
use crate::wait::Budget;

/// The step that waits until no pod of a client calls itself ready any more.
pub const UNREADY: &str = "wait until no client is ready any more";

/// The moment when the operator had its time to correct the role, where it compares the role at all.
pub const CORRECTED: &str = "after the operator looked again";
/// The step that waits until the Secret's password is accepted again, without a change of the Secret.
pub const CORRECT: &str = "wait until the Secret is right again";

/// A mismatch within the refresh of a file is part of every rotation; beyond it a probe has to tell.
const NOTICED: Budget = Budget::seconds("every client to say that it is not ready", 30);

pub(super) async fn run(bench: &Bench, _helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    let role = bench.declared_credential()?.role.clone();
    diary.look_at_clients(bench, Some(&role)).await?;
    let clients = diary.clients();
    let began = Timestamp::now();
    let broken = Bench::new_password();
    let foreign = diary.step("change the password in the database alone", bench.alter_role(&broken)).await?;
    diary.hope(UNREADY, bench.none_is_ready(&clients, bench.allow_refresh(NOTICED))).await;
    diary.look(bench, DURING, began).await?;
    if bench.declared_credential()?.inline {
        let own = diary.step("read the credential", bench.required_credential()).await?;
        diary.step("have the operator look at the cluster again", bench.touch_cluster()).await?;
        diary.hope(CORRECT, bench.accepts(&own)).await;
        diary.look(bench, CORRECTED, began).await?;
        try_both(bench, diary, &foreign, &own).await?;
    }

    let mended = Bench::new_password();
    diary.step("change it properly, in its Secret", bench.set_password(&mended)).await?;
    // Ready is what a pod was before the kubelet brought it the new password, too; so it has to log in first.
    let right = Timestamp::now();
    let following = bench.every_client_logs_in(&clients, &role, right, bench.allow_refresh(FOLLOWING));
    diary.hope("wait until every client logged in with it", following).await;
    diary.step("wait for every workload to settle again", bench.settle()).await?;
    diary.look(bench, AFTER, began).await
}
