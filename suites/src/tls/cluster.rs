//! The CloudNativePG Clusters that belong to a subject.

use harness::check::Check;
use harness::finding::Place;
use harness::manifests::Object;
use harness::rendered::Rendered;

/// The Clusters of the release and of its companions. Where there is none, the check learns why.
pub(crate) fn clusters<'a>(subject: &'a Rendered, check: &mut Check, what: &str) -> Vec<&'a Object> {
    let all = subject.manifests().of_kind("Cluster").chain(subject.companions().of_kind("Cluster"));
    let found: Vec<&Object> = all.filter(|object| object.group() == "postgresql.cnpg.io").collect();
    let database = subject.subject().database();
    match &database.cluster {
        Some(name) if found.iter().all(|cluster| cluster.name() != name) => {
            let hint = "name the manifest of the Cluster under `companions` in the subject file";
            check.undecided(Place::object(format!("cluster/{name}")), what, hint);
        }
        None if found.is_empty() && database.external.is_some() => {
            check.not_applicable("the database is external: what it is made of is not the subject's");
        }
        None if found.is_empty() && database.bundled.is_some() => {
            check.not_applicable(
                "the settings of a bundled PostgreSQL are in its image and its volume, not in manifests",
            );
        }
        None if found.is_empty() => {
            let hint = "no CloudNativePG Cluster is rendered; name its manifest under `companions` in a subject file";
            check.undecided(Place::object("the database"), what, hint);
        }
        _ => {}
    }
    found
}
