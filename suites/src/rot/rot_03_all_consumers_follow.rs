//! ROT-03: all consumers follow.
//!
//! A variable keeps the password of the time when its container started, and sessions of before hide that. So every
//! client needs a way on which the new password comes to it: a file that it reads again, a restart that something
//! triggers, or a step that people are told to run. The live lane waits for a login of each pod that began after the
//! database had begun to refuse the old password.

use harness::check::Check;
use harness::expectation::{empty, equal_to, one_of, that};
use harness::experiment::{DECLARED_STEPS, FOLLOW, FOLLOW_AFTER_STEPS, REFUSE};
use harness::feature::Feature;
use harness::graph::Fact;
use harness::probe::LoggedLogin;
use harness::record::{BEFORE, DURING, ROLE, Record, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::way::{given_a_password, way};
use super::{ROTATIONS, control_rotated, in_rotation};
use crate::clients::clients_of;

/// All consumers follow.
pub const ROT_03: Requirement = Requirement {
    id: "ROT-03",
    title: "All consumers follow",
    level: Level::Must,
    source: "S1: \"Any rotation plan includes application restart / connection pool drain steps\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::PasswordRotation],
    experiments: ROTATIONS,
    decisive: &[Lane::Live],
    remedy: "mount the credential as a file that is read for each connection, or restart on a change of that Secret (Reloader), or declare the restart",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    for (client, key) in given_a_password(subject) {
        match way(subject, client, key, check) {
            Fact::Known(way) => {
                let some = that("one that ends at the client", |way: &str| !way.starts_with("none"));
                check.expect(client, format!("the way of a new {key}"), way.as_str(), some);
            }
            Fact::Unknown(hint) => check.undecided(client, format!("the way of a new {key}"), hint),
        }
    }
}

const IN_THE_POD: &str = "in the running pod";
const RESTARTED: &str = "by a restart";
const BY_STEP: &str = "by the restart that the subject declares";
const HOW: &str = "how it came to log in with the new password";

fn live(records: &Records, check: &mut Check) {
    for rotation in records.all_of(ROTATIONS) {
        control_rotated(rotation, check);
        expect_followed(rotation, check);
    }
}

fn expect_followed(rotation: &Record, check: &mut Check) {
    let Some(refused) = rotation.over(REFUSE) else {
        return check.undecided(
            in_rotation("the database", rotation),
            "when it refused the old password",
            "see ROT-04",
        );
    };
    // What somebody had to restart afterwards counts where the subject had declared it, and it was run.
    let declared = rotation.step(FOLLOW_AFTER_STEPS);
    let waits = declared.map_or([rotation.step(FOLLOW), None], |after| [rotation.step(DECLARED_STEPS), Some(after)]);
    let behind: Vec<&str> = waits.into_iter().flatten().filter_map(|step| step.unmet.as_deref()).collect();
    let what = "what kept them from the new password";
    let followed = check.expect(in_rotation("the consumers", rotation), what, &behind[..], empty());
    if followed {
        let refuses = rotation.step(REFUSE).is_some_and(|step| step.unmet.is_none());
        let what = "whether it refused the old password by then";
        check.control(in_rotation("the database", rotation), what, &refuses, equal_to(true));
    }
    let (before, during) = (rotation.at(BEFORE), rotation.at(DURING));
    let clients = clients_of(rotation, check);
    for pod in during.pods.iter().filter(|pod| clients.contains(&pod.workload)) {
        let by_the_new_one = |login: &&LoggedLogin| {
            login.at >= refused && before.answers.get(ROLE).is_none_or(|role| login.role == *role)
        };
        let logged_in = during.logins_of(pod).iter().any(by_the_new_one);
        let how = match (logged_in, before.pod(&pod.uid)) {
            (false, _) => "not at all",
            (true, Some(_)) => IN_THE_POD,
            (true, None) if declared.is_some() => BY_STEP,
            (true, None) => RESTARTED,
        };
        check.expect(pod, HOW, &how, one_of(&[IN_THE_POD, RESTARTED, BY_STEP]));
    }
    for workload in clients.iter().filter(|workload| during.pods.iter().all(|pod| pod.workload != **workload)) {
        check.expect(in_rotation(workload, rotation), HOW, &"not at all: it has no pod", equal_to(IN_THE_POD));
    }
}
