//! Which clients of a subject a bench does not see at work, of those of which the manifests leave something open.

use crate::finding::Locate as _;
use crate::graph::{CaProvider, DatabaseClient, Fact, Role};
use crate::record::Unseen;
use crate::rendered::Rendered;

/// Every client of which something is open, and that is not seen.
pub(in crate::bench) fn of(rendered: &Rendered) -> Vec<Unseen> {
    rendered.database_clients().iter().filter_map(unseen).collect()
}

fn unseen(client: &DatabaseClient) -> Option<Unseen> {
    let open = |mode: Fact<_>| matches!(mode, Fact::Unknown(_));
    // A Job runs with its release, and the server's log tells of its logins; the hour of a CronJob does not come.
    let mode = client.workload().object().kind() == "CronJob" && open(client.ssl_mode());
    let is_ca_open = match client.ca().map(|ca| &ca.provider) {
        Some(CaProvider::Unknown(_)) => true,
        Some(_) => false,
        None => open(client.ssl_mode()) || client.unread().is_some(),
    };
    let ca = !is_asked(client) && is_ca_open;
    (mode || ca).then(|| Unseen { client: client.place(), mode, ca })
}

/// Whether somebody asks the container which CA it trusts: the first of a pod that stays.
fn is_asked(client: &DatabaseClient) -> bool {
    let first = client.workload().containers().iter().find(|one| one.role() == Role::Main);
    !client.workload().runs_to_an_end() && first.is_some_and(|first| first.name() == client.container().name())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::of;
    use crate::rendered::Rendered;
    use crate::subject::Subject;

    const OPEN: &str = "env: [{name: DATABASE_URL, valueFrom: {secretKeyRef: {name: vault, key: dsn}}}]";
    const TOLD: &str = "env: [{name: DATABASE_URL, value: 'postgres://a@db/x?sslmode=require'}]";

    #[rstest]
    #[case::whose_hour_does_not_come("CronJob", OPEN, Some((true, true)))]
    #[case::that_runs_with_the_release("Job", OPEN, Some((false, true)))]
    #[case::that_is_asked("Deployment", OPEN, None)]
    #[case::of_which_everything_is_told("CronJob", TOLD, None)]
    fn a_client(#[case] kind: &str, #[case] container: &str, #[case] expected: Option<(bool, bool)>) {
        let pod = format!("{{spec: {{containers: [{{name: a, {container}}}]}}}}");
        let (version, spec) = match kind {
            "CronJob" => ("batch/v1", format!("{{jobTemplate: {{spec: {{template: {pod}}}}}}}")),
            "Job" => ("batch/v1", format!("{{template: {pod}}}")),
            _ => ("apps/v1", format!("{{template: {pod}}}")),
        };
        let text = format!("{{apiVersion: {version}, kind: {kind}, metadata: {{name: a}}, spec: {spec}}}");
        let rendered = Rendered::of_manifests(Arc::new(Subject::of_manifests("test")), &text).unwrap();
        assert_eq!(of(&rendered).first().map(|one| (one.mode, one.ca)), expected);
    }
}
