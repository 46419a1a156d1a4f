//! CA-02: the driver reads the mounted CA.
//!
//! A mounted file that no driver is told of protects nobody, and a variable that names a file beside it fails late or
//! never. A copy in a writable volume can be changed by whoever breaks into the application, and it is as old as the
//! container. The kubelet makes mounts of Secrets and ConfigMaps read-only whether the manifest says so or not, so that
//! only a missing mount is a violation, not a missing `readOnly`. A CA is no secret, so a ConfigMap is as good, which the
//! kubelet keeps on the node's disk and not in memory.

use harness::check::Check;
use harness::expectation::{equal_to, one_of};
use harness::experiment::SETTLED;
use harness::feature::Feature;
use harness::graph::{CaProvider, CaWiring, DatabaseClient, Fact};
use harness::record::{Experiment, InspectedMount, PodState, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};

use super::wiring::{clients_with_ca, is_system, mount, unless_given};

/// The driver reads the mounted CA.
pub const CA_02: Requirement = Requirement {
    id: "CA-02",
    title: "The driver reads the mounted CA",
    level: Level::Must,
    source: "S0: \"Chart MUST mount the Secret as a read-only volume\", \"MUST set PGSSLROOTCERT\"",
    since: "1.0",
    revision: 2,
    features: &[Feature::Ca],
    experiments: &[Experiment::Install],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "mount the Secret itself, and set PGSSLROOTCERT (or sslrootcert in the URI) to <mountPath>/<key>",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    unless_given(subject, check);
    let declared = subject.subject().ca().and_then(|plan| plan.variable.as_deref());
    for (client, ca) in clients_with_ca(subject) {
        let file = misses_the_named_key(subject, ca).map(|state| Some(Fact::Known(state)));
        match file.unwrap_or_else(|| file_of(client, ca, declared)) {
            Some(Fact::Known(state)) => {
                check.expect(ca, "the CA file of the driver", &state, equal_to(FROM_SECRET));
            }
            Some(Fact::Unknown(hint)) => check.undecided(ca, "the CA file of the driver", hint),
            None => {}
        }
    }
}

/// Of a Secret that is mounted as a whole and whose keys no manifest tells, the values may name the key of the CA.
fn misses_the_named_key(subject: &Rendered, ca: &CaWiring) -> Option<String> {
    let CaProvider::File(key) = &ca.provider else { return None };
    let plan = subject.subject().ca()?;
    let (secret_value, key_value) = (plan.name_value.as_deref()?, plan.key_value.as_deref()?);
    let named = subject.value_text(key_value)?;
    let is_open = ca.items.is_empty() && subject.graph().store().keys(key.kind, &key.name).is_none();
    let is_missed = is_open && subject.value_text(secret_value) == Some(&key.name) && named != key.key;
    let path = ca.path.as_deref().unwrap_or_default();
    is_missed.then(|| format!("{path}, where {key_value} names the key {named} of {} {}", key.kind, key.name))
}

const FROM_SECRET: &str = "a key of a mounted Secret";

fn file_of(client: &DatabaseClient, ca: &CaWiring, declared: Option<&str>) -> Option<Fact<String>> {
    let path = ca.path.as_deref().unwrap_or_default();
    let state = match &ca.provider {
        // The operator's Secret of the CA holds its private key beside it.
        CaProvider::File(key) if key.key.ends_with(".key") => {
            format!("{path}, the private key {} of {} {}", key.key, key.kind, key.name)
        }
        // A CA is no secret: a ConfigMap is as good.
        CaProvider::File(_) => FROM_SECRET.into(),
        CaProvider::NoSuchFile { kind, name } => format!("{path}, which no key of {kind} {name} becomes"),
        CaProvider::MountOnly { .. } => match namer(client, ca) {
            Some(namer) if declared.is_none() => {
                return Some(Fact::Unknown(format!("whether the driver reads {namer}, only the application knows")));
            }
            Some(namer) => format!("mounted, but only {namer} names it"),
            None => match client.unread() {
                Some(hint) => return Some(Fact::Unknown(hint)),
                None => "mounted, but nothing names it".into(),
            },
        },
        CaProvider::Copy => match mount(client, ca) {
            Some(mount) if !mount.volume.is_writable_copy() => {
                return Some(Fact::Unknown(format!("what the driver behind volume {} provides", mount.volume.name)));
            }
            _ => format!("{path}, a copy in a volume that can be written"),
        },
        CaProvider::Environment(_) | CaProvider::Written(_) => {
            let variable = ca.variable.as_deref().unwrap_or("the variable");
            let hint =
                format!("{variable} holds the CA itself; whether the driver gets it, only the application knows");
            return Some(Fact::Unknown(hint));
        }
        CaProvider::Image if is_system(ca) => return None, // Nobody mounts it.
        CaProvider::Image => format!("{path}, which no volume provides"),
        CaProvider::Unknown(hint) => return Some(Fact::Unknown(hint.clone())),
    };
    Some(Fact::Known(state))
}

/// A variable or argument that names a file of the mount, though no driver is known to read it.
fn namer(client: &DatabaseClient, ca: &CaWiring) -> Option<String> {
    let folder = ca.mount_path.as_deref()?;
    let container = client.container();
    let variable = container.env().iter().find(|known| known.value.known().is_some_and(|text| text.contains(folder)));
    let word = || {
        let words = container.words();
        words.into_iter().find(|(_, text)| text.known().is_some_and(|text| text.contains(folder)))
    };
    variable.map(|variable| variable.name.clone()).or_else(|| Some(word()?.0))
}

/// Where an application may have learned of the file; the driver's own default is a file in a home folder.
const TOLD: &[&str] = &["environment", "uri"];

fn live(records: &Records, check: &mut Check) {
    let Some(install) = records.of(Experiment::Install) else { return };
    for pod in &install.at(SETTLED).pods {
        match &pod.inspected {
            None => check.undecided(pod, "the CA file of the driver", "the application does not answer `inspect`"),
            Some(inspected) if inspected.dials("sslmode").is_none() => {} // It dials no database.
            Some(inspected) => {
                let told = inspected.dials("caPathSource").unwrap_or("nothing");
                check.expect(pod, "what names the CA file", &told, one_of(TOLD));
                check.expect(pod, "the CA file of the driver", &state_of_file(pod), one_of(&[MOUNTED.to_owned()]));
            }
        }
    }
}

const MOUNTED: &str = "in a read-only mount of a Secret or ConfigMap";

/// Volumes that somebody else than the kubelet writes to: what stands there is a copy.
const WRITTEN_TO: &[&str] = &["emptyDir", "ephemeral", "persistentVolumeClaim", "hostPath", "nfs"];

fn state_of_file(pod: &PodState) -> String {
    let Some(ca) = pod.ca() else { return "none".into() };
    let Some(mount) = ca.mount.as_ref().filter(|mount| is_its_own(mount)) else {
        return if ca.exists { format!("{} in the image", ca.path) } else { format!("{} does not exist", ca.path) };
    };
    match &mount.volume {
        _ if !ca.exists => format!("{} does not exist", ca.path),
        _ if !mount.read_only => format!("{} on a writable {} mount", ca.path, mount.file_system),
        Some(volume) if WRITTEN_TO.contains(&volume.as_str()) => format!("{} in a volume of kind {volume}", ca.path),
        _ => MOUNTED.into(),
    }
}

/// Whether a mount is one of its own, and not that of the image, which may be read-only too.
fn is_its_own(mount: &InspectedMount) -> bool {
    mount.volume.is_some() || mount.point != "/" && mount.file_system != "overlay"
}

#[cfg(test)]
mod tests {
    use harness::experiment::SETTLED;
    use harness::record::{Experiment, InspectedCa, InspectedMount, PodState};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;
    use serde_json::json;

    use super::CA_02;
    use crate::testing::{judge_live, judge_manifests, moment, pod, record};

    #[rstest]
    #[case::nobody("workingDir: /", Violated)]
    #[case::perhaps_a_secret_that_is_taken_whole("envFrom: [{secretRef: {name: settings}}]", Unchecked)]
    fn a_mounted_ca_is_named_by(#[case] container: &str, #[case] verdict: Verdict) {
        let text = format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{volumes: [{{name: ca, secret: {{secretName: db-ca}}}}], containers: [{{name: a, env: [{{name: PGHOST, value: db-rw}}], volumeMounts: [{{name: ca, mountPath: /ca}}], {container}}}]}}}}\n---\n{{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {{name: db}}}}"
        );
        assert_eq!(judge_manifests(&CA_02, &text), verdict);
    }

    #[rstest]
    #[case::the_ca("ca.crt", Holds)]
    #[case::its_private_key("ca.key", Violated)]
    fn the_driver_is_told(#[case] key: &str, #[case] verdict: Verdict) {
        let text = format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{volumes: [{{name: ca, secret: {{secretName: db-ca}}}}], containers: [{{name: a, env: [{{name: PGHOST, value: db-rw}}, {{name: PGSSLROOTCERT, value: /ca/{key}}}], volumeMounts: [{{name: ca, mountPath: /ca}}]}}]}}}}\n---\n{{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {{name: db}}}}"
        );
        assert_eq!(judge_manifests(&CA_02, &text), verdict);
    }

    fn ca(pod: &mut PodState) -> &mut InspectedCa {
        pod.inspected.as_mut().unwrap().ca.as_mut().unwrap()
    }

    /// Has the CA stand below a read-only mount.
    fn mounted(pod: &mut PodState, point: &str, file_system: &str, volume: Option<&str>) {
        let (point, file_system) = (point.to_owned(), file_system.to_owned());
        ca(pod).mount = Some(InspectedMount { point, file_system, read_only: true, volume: volume.map(str::to_owned) });
    }

    #[rstest]
    #[case::the_mounted_secret(|_pod: &mut PodState| {}, Holds)]
    #[case::a_file_that_is_not_there(|pod: &mut PodState| ca(pod).exists = false, Violated)]
    #[case::a_writable_copy(|pod: &mut PodState| ca(pod).mount.as_mut().unwrap().read_only = false, Violated)]
    #[case::a_file_of_the_image(|pod: &mut PodState| ca(pod).mount = None, Violated)]
    #[case::a_file_of_an_image_that_is_read_only(|pod: &mut PodState| mounted(pod, "/", "overlay", None), Violated)]
    #[case::the_mounted_config_map(|pod: &mut PodState| mounted(pod, "/etc/trust", "ext4", Some("configMap")), Holds)]
    #[case::the_mounted_config_map_of_a_node_in_a_container(
        |pod: &mut PodState| mounted(pod, "/etc/trust", "overlay", Some("configMap")),
        Holds
    )]
    #[case::a_mount_that_the_pod_names_otherwise(|pod: &mut PodState| mounted(pod, "/run/trust", "ext4", None), Holds)]
    #[case::a_copy_that_is_mounted_read_only(
        |pod: &mut PodState| mounted(pod, "/copy", "ext4", Some("emptyDir")),
        Violated
    )]
    #[case::a_copy_in_memory(|pod: &mut PodState| mounted(pod, "/copy", "tmpfs", Some("emptyDir")), Violated)]
    #[case::no_file(|pod: &mut PodState| pod.inspected.as_mut().unwrap().ca = None, Violated)]
    #[case::the_drivers_own_default(
        |pod: &mut PodState| pod.inspected.as_mut().unwrap().database["caPathSource"] = json!("default"),
        Violated
    )]
    #[case::cannot_be_asked(|pod: &mut PodState| pod.inspected = None, Unchecked)]
    fn the_process_reads(#[case] spoil: fn(&mut PodState), #[case] verdict: Verdict) {
        let mut pod = pod("deployment/agents", "a");
        spoil(&mut pod);
        assert_eq!(judge_live(&CA_02, [record(Experiment::Install, [moment(SETTLED, 10, [pod])])]), verdict);
    }
}
