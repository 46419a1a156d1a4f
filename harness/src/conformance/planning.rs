//! What a run must judge: every requirement of every subject, overlay and lane, asked for or not.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8Path;
use jiff::Timestamp;

use super::{Request, names};
use crate::cluster::Provider;
use crate::feature::Feature;
use crate::judge::{missing, not_claimed, unsuited_to};
use crate::record::Experiment;
use crate::rendered::{Rendered, RenderedError, in_parallel};
use crate::requirement::{Lane, Requirement};
use crate::run::{
    ChartIdentity, Disposition, Key, NOT_ASKED_FOR, Plan, PlanItem, PlannedRequirement, ReleaseIdentity, RunId, Scope,
    SubjectIdentity, Undecided,
};
use crate::subject::{Database, Subject};
use crate::verdict::Verdict;

/// A subject under one overlay, with what could be rendered of it.
pub(super) struct Scene {
    /// The subject's place among the requested ones.
    pub(super) subject: usize,
    /// The overlay's name.
    pub(super) overlay: String,
    /// Whether the live lane is run here.
    pub(super) live: bool,
    /// What Helm renders.
    pub(super) rendered: Result<Rendered, RenderedError>,
}

/// Renders every subject under every requested overlay, all at once.
pub(super) fn scenes(request: &Request) -> Vec<Scene> {
    let mut wanted_scenes = Vec::new();
    for (index, subject) in request.subjects.iter().enumerate() {
        let live = live_overlay(subject, &request.overlays);
        for overlay in subject.overlays().iter().filter(|overlay| wanted(request, &overlay.name)) {
            wanted_scenes.push((index, subject, overlay, live == Some(overlay.name.as_str())));
        }
    }
    in_parallel(&wanted_scenes, |(index, subject, overlay, live)| Scene {
        subject: *index,
        overlay: overlay.name.clone(),
        live: *live,
        rendered: Rendered::new(Arc::clone(subject), overlay, Arc::clone(&request.helms)),
    })
}

/// The one overlay that is installed: production if it is asked for, since that is what a gate lets through. Nothing
/// requested means that all of them are.
pub fn live_overlay<'a>(subject: &'a Subject, requested: &[String]) -> Option<&'a str> {
    let overlays = || {
        let all = subject.overlays().iter();
        all.filter(|overlay| requested.is_empty() || requested.contains(&overlay.name))
    };
    overlays().find(|overlay| overlay.production).or_else(|| overlays().next()).map(|overlay| overlay.name.as_str())
}

fn wanted(request: &Request, overlay: &str) -> bool {
    request.overlays.is_empty() || request.overlays.iter().any(|requested| requested == overlay)
}

/// Writes down everything that must be judged, and what is known of the rest.
pub(super) fn plan(request: &Request, run: &RunId, scenes: &[Scene]) -> Plan {
    let mut items = Vec::new();
    for (index, subject) in request.subjects.iter().enumerate() {
        for overlay in subject.overlays() {
            let scene = scenes.iter().find(|scene| scene.subject == index && scene.overlay == overlay.name);
            for requirement in request.catalog {
                items.extend(requirement.lanes().map(|lane| PlanItem {
                    key: key(subject, &overlay.name, requirement, lane),
                    disposition: disposition(request, scene, requirement, lane),
                }));
            }
        }
    }
    let everything = request.selection.is_everything() && request.overlays.is_empty() && !request.without_faults;
    Plan {
        run: run.clone(),
        started: Timestamp::now(),
        harness: env!("CARGO_PKG_VERSION").into(),
        contract: request.contract.into(),
        profile: request.profile.as_ref().map(|profile| profile.name.clone()),
        waivers: request.waivers.clone(),
        scope: if everything { Scope::Full } else { Scope::Partial },
        strict: request.strict,
        undecided: Undecided::Incomplete,
        command: request.command.clone(),
        subjects: request.subjects.iter().enumerate().map(|(index, one)| identity(index, one, scenes)).collect(),
        environment: request.stage.as_ref().map(|stage| stage.facts.clone()).unwrap_or_default(),
        requirements: request.catalog.iter().map(|requirement| PlannedRequirement::from(*requirement)).collect(),
        notes: notes(request, scenes),
        items,
        private: None,
    }
}

/// What is told of the subjects whose overlays have all been rendered: what one of them lacks, another may have.
fn notes(request: &Request, scenes: &[Scene]) -> Vec<String> {
    let told = request.subjects.iter().enumerate().flat_map(|(index, subject)| {
        let of_it = scenes.iter().filter(|scene| scene.subject == index);
        let rendered: Vec<&Rendered> = of_it.filter_map(|scene| scene.rendered.as_ref().ok()).collect();
        let all = rendered.len() == subject.overlays().len();
        if all { names::unknown(subject, &rendered) } else { Vec::new() }
    });
    told.collect()
}

pub(super) fn key(subject: &Subject, overlay: &str, requirement: &Requirement, lane: Lane) -> Key {
    Key { subject: subject.name().into(), overlay: overlay.into(), id: requirement.id.into(), lane }
}

pub(super) fn disposition(
    request: &Request,
    scene: Option<&Scene>,
    requirement: &Requirement,
    lane: Lane,
) -> Disposition {
    let not_run = |reason: &str| Disposition::Settled { verdict: Verdict::NotRun, reason: reason.into() };
    let Some(scene) = scene else { return not_run(&format!("this overlay {NOT_ASKED_FOR}")) };
    if !request.selection.includes(requirement) {
        return not_run(&format!("this requirement {NOT_ASKED_FOR}"));
    }
    if let Ok(rendered) = &scene.rendered {
        let missing = missing(requirement, rendered);
        let demands = |feature: &Feature| request.profile.as_ref().is_some_and(|profile| profile.demands(*feature));
        let demanded: Vec<Feature> = missing.iter().copied().filter(demands).collect();
        if !demanded.is_empty() {
            return Disposition::Demanded { features: demanded };
        }
        if !missing.is_empty() {
            return Disposition::Settled { verdict: Verdict::NotClaimed, reason: not_claimed(&missing) };
        }
    }
    if lane == Lane::Rendered {
        return Disposition::Judge;
    }
    let stage = match &request.stage {
        Ok(stage) => stage,
        Err(reason) => return not_run(reason),
    };
    if !scene.live {
        return not_run(
            "only one overlay of a subject is installed, production where there is one; ask with --overlay",
        );
    }
    if let Some(reason) = too_far(requirement, stage.cluster.handle().provider) {
        return not_run(&reason);
    }
    let database = request.subjects.get(scene.subject).map(|subject| subject.database());
    match database.and_then(|database| unsuited_to(requirement, database)) {
        Some(reason) => Disposition::Settled { verdict: Verdict::NotApplicable, reason },
        None => Disposition::Judge,
    }
}

/// Why an experiment of a requirement may not run on a cluster, if one may not.
fn too_far(requirement: &Requirement, provider: Provider) -> Option<String> {
    requirement.needs().find_map(|experiment| reaches_too_far(experiment, provider))
}

/// The faults that requirements are judged under, and why not under the others.
pub(super) fn faults(
    requirements: &[&'static Requirement],
    database: &Database,
    provider: Provider,
) -> BTreeMap<Experiment, Option<String>> {
    let obstacle = |one: Experiment| one.unsuited(database).or_else(|| reaches_too_far(one, provider));
    requirements.iter().flat_map(|requirement| requirement.faults()).map(|one| (one, obstacle(one))).collect()
}

fn reaches_too_far(experiment: Experiment, provider: Provider) -> Option<String> {
    let radius = experiment.radius();
    (!radius.is_allowed_on(provider)).then(|| {
        format!("experiment {experiment} disturbs the {radius}, which is done on a cluster of Holdfast's own only")
    })
}

/// Where a chart lies in the repository of whoever calls, who calls from its root.
fn below_the_current_folder(chart: &Utf8Path) -> Option<String> {
    let current = Utf8Path::new(".").canonicalize_utf8().ok()?;
    let chart = chart.canonicalize_utf8().ok().filter(|path| path.is_dir())?;
    Some(chart.strip_prefix(current).ok()?.as_str().to_owned())
}

fn identity(index: usize, subject: &Subject, scenes: &[Scene]) -> SubjectIdentity {
    let rendered = scenes.iter().filter(|scene| scene.subject == index).find_map(|scene| scene.rendered.as_ref().ok());
    let charts = rendered.into_iter().flat_map(Rendered::charts);
    let releases = subject.releases().iter().zip(charts).map(|(release, chart)| ReleaseIdentity {
        name: release.name.clone(),
        chart: ChartIdentity {
            name: chart.name.clone(),
            version: chart.version.clone(),
            digest: chart.digest.clone(),
            folder: below_the_current_folder(&chart.path),
        },
    });
    SubjectIdentity {
        name: subject.name().into(),
        overlays: subject.overlays().iter().map(|overlay| overlay.name.clone()).collect(),
        contract: subject.is_declared().then(|| subject.file().contract.clone()),
        profile: subject.file().profile.clone(),
        claims: Feature::ALL.iter().copied().filter(|feature| subject.file().claims.contains(feature)).collect(),
        releases: releases.collect(),
        images: Vec::new(),
    }
}
