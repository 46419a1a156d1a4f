//! ROT-05: no acknowledged write is lost.
//!
//! A dashboard shows that the application came back; it does not show what it had promised meanwhile. A writer appends
//! rows with ids of its own from before the change until everybody has followed, once through a pool and once with a
//! session for each row. What the database acknowledged has to be there at the end, what failed for certain must not
//! be, and the time without an acknowledgement is bounded: in the pool by nothing that a rotation does, with new
//! sessions by the time that the kubelet takes to refresh the file. A fault adds the time that it lasts, and so does a
//! Secret that is away.

use harness::check::Check;
use harness::expectation::{empty, equal_to, one_of, within_seconds};
use harness::experiment::{FRESH_GAP, STEADY_GAP};
use harness::feature::Feature;
use harness::graph::{DatabaseClient, Workload};
use harness::history::{FRESH, STEADY};
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::{control_load, control_rotated, in_rotation};
use crate::pods::{is_dialled, scaler_of, taken_by_roll};

/// No acknowledged write is lost.
pub const ROT_05: Requirement = Requirement {
    id: "ROT-05",
    title: "No acknowledged write is lost",
    level: Level::Must,
    source: "S1: \"Confirm new connections succeed\"",
    since: "1.0",
    revision: 3,
    features: &[Feature::PasswordRotation],
    experiments: &[
        Experiment::RotatePassword,
        Experiment::RotateAgain,
        Experiment::RecreateCredential,
        Experiment::RotateKillingClients,
        Experiment::RotateLosingPrimary,
        Experiment::RotateSwitchingOver,
        Experiment::RotateKillingPooler,
        Experiment::RotateWithoutKubelet,
        Experiment::RotateKillingApiServer,
        Experiment::RotateWithoutOperator,
    ],
    decisive: &[Lane::Live],
    remedy: "acknowledge after COMMIT, roll without unavailability (maxUnavailable 0), and read the credential anew for each connection",
    rendered: Some(rendered),
    live: Some(live),
};

/// What takes every pod away before there is another one is an outage at each restart, for whoever dials it.
///
/// An autoscaler may leave as few pods as its least number. A worker that no Service leads to has acknowledged nothing to anybody while it is away.
fn rendered(subject: &Rendered, check: &mut Check) {
    let clients = subject.database_clients().iter().map(DatabaseClient::workload);
    let serves =
        |workload: &&Workload| workload.object().kind() == "Deployment" && is_dialled(subject.rendering(), workload);
    let mut seen: Vec<String> = Vec::new();
    for workload in clients.filter(serves) {
        if seen.contains(&workload.reference()) {
            continue;
        }
        seen.push(workload.reference());
        let strategy = workload.object().get("spec.strategy.type").and_then(|value| value.as_str());
        let at = workload.object().at("spec.strategy.type");
        check.expect(at, "how its pods are replaced", &strategy.unwrap_or("RollingUpdate"), equal_to("RollingUpdate"));
        let least = scaler_of(subject.rendering(), workload).map(|scaler| scaler.get("spec.minReplicas"));
        let least = least.map_or_else(|| workload.replicas(), |told| told.and_then(Value::as_u64).unwrap_or(1)).max(1);
        let unavailable = match taken_by_roll(workload, least) {
            0 => "none",
            taken if taken < least => "some of several",
            _ if least == 1 => "the only one",
            _ => "all of them",
        };
        let at = workload.object().at("spec.strategy.rollingUpdate.maxUnavailable");
        check.expect(at, "pods that may be missing meanwhile", &unavailable, one_of(&["none", "some of several"]));
    }
    if seen.is_empty() {
        check.not_applicable("no Deployment that a Service leads to is a client of the database");
    }
}

fn live(records: &Records, check: &mut Check) {
    for rotation in records.all_of(ROT_05.experiments) {
        control_rotated(rotation, check);
        let place = || in_rotation("the writer", rotation);
        let Some(history) = &rotation.history else {
            check.undecided(place(), "its history", "the writer left none");
            continue;
        };
        control_load(history, check);
        check.expect(place(), "acknowledged writes that are lost", &history.lost[..], empty());
        check.expect(place(), "failed writes that are there all the same", &history.risen[..], empty());
        for (lane, limit) in [(STEADY, STEADY_GAP), (FRESH, FRESH_GAP)] {
            let gap = history.lane(lane).longest_gap.map(|gap| gap.seconds);
            check.expect(place(), limit, &gap, within_seconds(rotation.limit(limit).unwrap_or_default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use harness::feature::Feature;
    use harness::verdict::Verdict::{self, Holds, Violated};
    use rstest::rstest;

    use super::ROT_05;
    use crate::testing::judge_promised;

    const SCALED: &str = "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {minReplicas: 3, maxReplicas: 9, scaleTargetRef: {kind: Deployment, name: a}}}";

    #[rstest]
    #[case::by_default("replicas: 1", "", Holds)]
    #[case::the_default_written_out("replicas: 1", "maxUnavailable: 25%", Holds)]
    #[case::the_only_one("replicas: 1", "maxUnavailable: 1", Violated)]
    #[case::the_only_one_without_another("replicas: 1", "maxUnavailable: 0, maxSurge: 0", Violated)]
    #[case::one_of_three("replicas: 3", "maxUnavailable: 1", Holds)]
    #[case::three_of_three("replicas: 3", "maxUnavailable: 100%", Violated)]
    #[case::more_than_there_are("replicas: 2", "maxUnavailable: 5", Violated)]
    #[case::the_only_one_of_which_nothing_is_said("paused: false", "maxUnavailable: 1", Violated)]
    fn a_roll(#[case] replicas: &str, #[case] roll: &str, #[case] verdict: Verdict) {
        assert_eq!(judge_promised(&ROT_05, &manifests(replicas, roll), Feature::PasswordRotation), verdict);
    }

    #[test]
    fn an_autoscaler_says_how_few_there_are() {
        let scaled = format!("{}\n---\n{SCALED}", manifests("paused: false", "maxUnavailable: 1"));
        assert_eq!(judge_promised(&ROT_05, &scaled, Feature::PasswordRotation), Holds);
    }

    fn manifests(replicas: &str, roll: &str) -> String {
        format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: a}}, spec: {{{replicas}, strategy: {{rollingUpdate: {{{roll}}}}}, template: {{metadata: {{labels: {{app: a}}}}, spec: {{containers: [{{name: a, env: [{{name: PGHOST, value: db}}]}}]}}}}}}}}\n---\n{{apiVersion: v1, kind: Service, metadata: {{name: a}}, spec: {{selector: {{app: a}}}}}}"
        )
    }
}
