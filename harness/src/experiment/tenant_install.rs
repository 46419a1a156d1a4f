//! Install as an account that is bound in its namespace only, as whoever shares a cluster has to.

use camino::Utf8Path;
use jiff::Timestamp;

use super::diary::Diary;
use crate::bench::{Bench, BenchError};
use crate::record::{AFTER, DURING};

/// The step that installs as that account; what Helm refused is told there.
pub const TENANT_INSTALLED: &str = "install as an account that is bound in this namespace only";
/// Whether that account may make objects of the cluster: `yes` or `no`.
pub const RULES_THE_CLUSTER: &str = "may the account make a ClusterRole?";

pub(super) async fn run(bench: &Bench, helm: &Utf8Path, diary: &mut Diary) -> Result<(), BenchError> {
    let began = Timestamp::now();
    diary.step("uninstall the releases", bench.uninstall(helm)).await?;
    diary.hope(TENANT_INSTALLED, bench.install_as_tenant(helm)).await;
    diary.hope("wait for every workload to settle", bench.settle()).await;
    diary.look(bench, DURING, began).await?;
    let rules = diary.step("ask for the rights of the account", bench.tenant_rules_the_cluster()).await?;
    if let Some(during) = diary.latest() {
        during.answers.insert(RULES_THE_CLUSTER.into(), if rules { "yes" } else { "no" }.into());
    }

    diary.step("install as the engine does", bench.install(helm, &[])).await?;
    diary.step("wait for every workload to settle again", bench.settle()).await?;
    diary.look(bench, AFTER, began).await
}
