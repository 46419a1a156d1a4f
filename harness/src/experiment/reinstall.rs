//! Uninstall, and install again over the volume that was kept: with the same password, then with another.

use jiff::Timestamp;

use super::diary::Diary;
use super::first_boot::{NEW_PASSWORD_TAKEN, SETTLED_ON_IT, begin, look, reconcile};
use super::rotation::{NEW_CREDENTIAL, try_both};
use crate::bench::{Bench, BenchError, Programs, unguessed};
use crate::probe::Credential;
use crate::record::BEFORE;

/// The moment after the installation with the same password.
pub const REINSTALLED: &str = "installed again with the same password";
/// The moment after the installation with another password.
pub const WITH_ANOTHER_PASSWORD: &str = "installed again with another password";

pub(super) async fn run(bench: &Bench, programs: &Programs, diary: &mut Diary) -> Result<(), BenchError> {
    let helm = &programs.helm;
    begin(bench, diary, BEFORE).await?;
    let old = diary.step("read the credential", bench.required_credential()).await?;

    leave(bench, programs, diary).await?;
    let again = Timestamp::now();
    diary.step("install with the same password", bench.install_with_password(helm, &old.password)).await?;
    diary.hope("wait for every workload to settle", bench.settle()).await;
    look(bench, diary, REINSTALLED, again).await?;
    let login = diary.step("log in with that password", bench.learn_login(&old)).await?;
    diary.latest().map(|latest| latest.tried.insert(NEW_CREDENTIAL.into(), login));

    leave(bench, programs, diary).await?;
    let password = unguessed();
    let new = Credential { password: password.clone(), ..old.clone() };
    let anew = Timestamp::now();
    let taken = diary.refusable(NEW_PASSWORD_TAKEN, bench.install_with_password(helm, &password)).await?;
    if !taken {
        // The control: it is the other password that is refused, and not every installation.
        diary.step("install with the password of before", bench.install_with_password(helm, &old.password)).await?;
    }
    diary.hope(SETTLED_ON_IT, bench.settle()).await;
    look(bench, diary, WITH_ANOTHER_PASSWORD, anew).await?;
    try_both(bench, diary, &old, &new).await?;
    if taken {
        reconcile(bench, helm, diary, &new).await?;
    }
    Ok(())
}

async fn leave(bench: &Bench, programs: &Programs, diary: &mut Diary) -> Result<(), BenchError> {
    diary.step("uninstall the releases", bench.uninstall(&programs.helm)).await?;
    diary.step("wait until their pods are gone", bench.pods_are_gone()).await
}
