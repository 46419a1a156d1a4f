//! Judging requirements in the rendered lane: what applies, what was seen, and what becomes of a check that breaks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::check::{Check, Judgement};
use crate::error::Chain;
use crate::feature::Feature;
use crate::graph::cnpg::Cluster;
use crate::rendered::{Rendered, RenderedError, in_parallel};
use crate::requirement::Requirement;
use crate::subject::Database;
use crate::verdict::Verdict;

/// A requirement with what was found out about it.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The requirement.
    pub requirement: &'static Requirement,
    /// The judgement in the rendered lane.
    pub judgement: Judgement,
    /// How long its check took, with the Helm calls that it waited for.
    pub took: Duration,
}

/// Judges one requirement on one subject and overlay.
///
/// A feature that is neither claimed nor shown by the manifests makes it `not-claimed`; a check that panics makes it
/// `unchecked` with the message.
pub fn judge_rendered(rendered: &Rendered, requirement: &Requirement) -> Judgement {
    let Some(run) = requirement.rendered else {
        return Judgement::without_check(Verdict::NotApplicable, "the requirement has no rendered check");
    };
    if let Some(judgement) = unclaimed(requirement, rendered) {
        return judgement;
    }
    let judged = catch_unwind(AssertUnwindSafe(|| {
        let mut check = Check::new();
        run(rendered, &mut check);
        check.judge()
    }));
    judged.unwrap_or_else(|panic| Judgement::broken(panic.as_ref()))
}

/// What becomes of a requirement whose features the subject neither claims nor shows; nothing where it applies.
pub(crate) fn unclaimed(requirement: &Requirement, rendered: &Rendered) -> Option<Judgement> {
    let missing = missing(requirement, rendered);
    (!missing.is_empty()).then(|| Judgement::without_check(Verdict::NotClaimed, not_claimed(&missing)))
}

/// The features of a requirement that the subject neither claims nor shows.
pub(crate) fn missing(requirement: &Requirement, rendered: &Rendered) -> Vec<Feature> {
    requirement.features.iter().copied().filter(|feature| !applies(*feature, rendered)).collect()
}

/// Why a requirement does not apply without these features.
pub(crate) fn not_claimed(missing: &[Feature]) -> String {
    let names: Vec<&str> = missing.iter().map(|feature| feature.name()).collect();
    format!("the subject does not claim {}, and its manifests do not show it", names.join(", "))
}

/// What becomes of a requirement in the live lane whose experiments are for another kind of database; nothing where they
/// are for this one.
pub(crate) fn unsuited(requirement: &Requirement, rendered: &Rendered) -> Option<Judgement> {
    let reason = unsuited_to(requirement, rendered.subject().database())?;
    Some(Judgement::without_check(Verdict::NotApplicable, reason))
}

/// Why the experiments of a requirement are not for that database, if one of them is not.
pub(crate) fn unsuited_to(requirement: &Requirement, database: &Database) -> Option<String> {
    requirement.needs().find_map(|experiment| experiment.unsuited(database))
}

/// Judges many requirements at once; they share what Helm renders.
pub fn judge_all(rendered: &Rendered, catalog: &[&'static Requirement]) -> Vec<Judged> {
    in_parallel(catalog, |requirement| {
        let start = Instant::now();
        let judgement = judge_rendered(rendered, requirement);
        Judged { requirement, judgement, took: start.elapsed() }
    })
}

/// What becomes of every requirement where nothing could be rendered.
pub fn unrendered(error: &RenderedError) -> Judgement {
    Judgement::without_check(Verdict::Unchecked, Chain(error))
}

/// Whether a feature is claimed, or shown by the manifests.
pub fn applies(feature: Feature, rendered: &Rendered) -> bool {
    rendered.subject().claims_in(rendered.overlay(), feature) || shows(feature, rendered)
}

/// Whether the manifests show a feature, so that leaving it out of the subject file wins nothing.
fn shows(feature: Feature, rendered: &Rendered) -> bool {
    match feature {
        Feature::Ca => rendered.database_clients().iter().any(|client| client.ca().is_some()),
        Feature::Cnpg => {
            let clusters = [rendered.companions(), rendered.manifests()].map(Cluster::all);
            rendered.subject().database().cluster.is_some() || clusters.iter().any(|all| !all.is_empty())
        }
        Feature::PostgresBundled => rendered.subject().database().bundled.is_some(),
        Feature::ApiKeys => rendered.subject().file().api_keys.is_some(),
        Feature::Migrations => rendered.database_clients().iter().any(|client| client.workload().migrates()),
        Feature::CaSync => {
            let store = rendered.graph().store();
            let declared = rendered.subject().database().ca_sync.is_some();
            declared || rendered.workloads().iter().any(|workload| workload.syncs_a_ca(store))
        }
        Feature::Pooler => {
            let all = rendered.companions().of_kind("Pooler").chain(rendered.manifests().of_kind("Pooler"));
            all.into_iter().any(|object| object.group() == "postgresql.cnpg.io")
        }
        Feature::TlsServed => rendered.subject().file().tls.is_some(),
        // These are promises about time and place; no manifest shows them.
        Feature::CaIdentical
        | Feature::CaRotation
        | Feature::PasswordRotation
        | Feature::RbacNamespaced
        | Feature::Gitops => false,
    }
}
