//! What is known of a client's pool: from its manifests, and where these do not tell, from the subject file.

use std::time::Duration;

use harness::graph::{DatabaseClient, Fact};
use harness::subject::{Pool, Subject};

use super::settings::{self, Told};

/// What tells of a pool if the manifests do not.
pub(super) const BY: &str = "`database.pools` of the subject file";

/// How many sessions the pool opens at most, those beyond its size included.
pub(super) fn size(client: &DatabaseClient, subject: &Subject) -> Told<u64> {
    let stated = pool(client, subject).and_then(|pool| pool.size);
    either(settings::size(client), stated)
}

/// How old a session becomes at most; no limit is `None`.
pub(super) fn age(client: &DatabaseClient, subject: &Subject) -> Told<Option<Duration>> {
    let stated = pool(client, subject).and_then(|pool| pool.max_lifetime);
    either(settings::age(client), stated.map(|age| (!age.0.is_zero()).then_some(age.0)))
}

/// The entry of a client: that of its very container, or else that of its workload.
fn pool<'a>(client: &DatabaseClient, subject: &'a Subject) -> Option<&'a Pool> {
    let workload = client.workload().reference();
    let of = |container: Option<&str>| {
        let mut pools = subject.database().pools.iter();
        pools.find(|pool| pool.workload == workload && pool.container.as_deref() == container)
    };
    of(Some(client.container().name())).or_else(|| of(None))
}

/// What the manifests tell, or what the subject file states. A client that reads neither the variable nor what people
/// believe of it is as likely as one that does: where both tell something else, nothing is known.
fn either<T: PartialEq>(told: Told<T>, stated: Option<T>) -> Told<T> {
    match (told, stated) {
        (told, None) => told,
        (Some((name, Fact::Known(told))), Some(stated)) if told != stated => {
            Some((name, Fact::Unknown(format!("{BY} says something else; which of them counts is not known here"))))
        }
        (Some((name, Fact::Known(told))), Some(_)) => Some((name, Fact::Known(told))),
        (_, Some(stated)) => Some((BY.into(), Fact::Known(stated))),
    }
}

#[cfg(test)]
mod tests {
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use crate::pool::{POOL_01, POOL_02};
    use crate::testing::judge_as;

    const TWENTY: &str = "{name: DB_POOL_SIZE, value: '20'}, {name: DB_MAX_LIFETIME, value: '300'}";
    const OTHERS: &str = "{name: DB_POOL_SIZE, value: '10'}, {name: DB_MAX_LIFETIME, value: '60'}";
    const MAYBE: &str = "{name: SHOP_POOL_SIZE, value: '50'}, {name: SHOP_POOL_MAX_LIFETIME, value: 24h}";

    #[rstest]
    #[case::nobody_states("nobody", "", Unchecked, Unchecked)]
    #[case::states_both("both", "", Holds, Holds)]
    #[case::states_its_size("size", "", Holds, Unchecked)]
    #[case::states_too_much("large", "", Violated, Violated)]
    #[case::states_that_there_is_no_limit("endless", "", Unchecked, Violated)]
    #[case::states_that_of_another_container("elsewhere", "", Unchecked, Unchecked)]
    #[case::states_that_of_its_container_too("nearer", "", Violated, Violated)]
    #[case::states_what_its_manifest_says("both", TWENTY, Holds, Holds)]
    #[case::states_something_else("both", OTHERS, Unchecked, Unchecked)]
    #[case::states_what_its_manifest_leaves_open("both", MAYBE, Holds, Holds)]
    fn a_pool_that_the_subject_file(
        #[case] name: &str,
        #[case] variables: &str,
        #[case] size: Verdict,
        #[case] age: Verdict,
    ) {
        let manifests = format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}}}, spec: {{template: {{spec: {{containers: [{{name: web, env: [{{name: PGHOST, value: db-rw}}, {variables}]}}]}}}}}}}}\n---\n{{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {{name: db}}}}"
        );
        let judged = |requirement| judge_as("specimens/pools", requirement, &manifests);
        assert_eq!((judged(&POOL_01), judged(&POOL_02)), (size, age));
    }
}
