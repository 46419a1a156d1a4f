//! The rendered lane in one go: planned, judged and reported in memory. It leaves no run directory.

use std::time::Instant;

use super::Request;
use super::planning::{Scene, disposition, key, plan, scenes};
use crate::judge::{judge_rendered, unrendered};
use crate::rendered::{Rendered, RenderedError, in_parallel};
use crate::report::Report;
use crate::requirement::{Lane, Requirement};
use crate::run::{Chronicle, Disposition, Event, Plan, RunId, Undecided};

/// What a check looked at.
pub struct Checked {
    /// The report.
    pub report: Report,
    /// The credentials that stand in what was rendered, by name, to be masked in whatever is said.
    pub credentials: Vec<(String, String)>,
}

/// Judges the rendered lane of what is asked for.
///
/// `manifests` are judged instead of what Helm would render, where there are any. A chart that nobody declared, and
/// that does not render with the given values, is an error: then there is nothing to report on.
///
/// # Errors
/// Nothing could be rendered of an undeclared chart.
pub fn check(request: &Request, manifests: Option<&str>) -> Result<Checked, RenderedError> {
    let mut scenes = match (manifests, request.subjects.first()) {
        (Some(text), Some(subject)) => {
            let rendered = Rendered::of_manifests(subject.clone(), text)?;
            vec![Scene { subject: 0, overlay: rendered.overlay().name.clone(), live: false, rendered: Ok(rendered) }]
        }
        _ => scenes(request),
    };
    let declared = request.subjects.iter().all(|subject| subject.is_declared());
    if !declared && let Some(broken) = scenes.iter().position(|scene| scene.rendered.is_err()) {
        scenes.swap_remove(broken).rendered?;
    }
    let mut plan = plan(request, &RunId::at(jiff::Timestamp::now()), &scenes);
    if !declared {
        // Nobody promised anything about such a chart, so what it leaves open is listed and no more.
        plan.undecided = Undecided::Listed;
    }
    let chronicle = judged(request, &scenes, &plan);
    let rendered = scenes.iter().filter_map(|scene| scene.rendered.as_ref().ok());
    let credentials = rendered.flat_map(|rendered| rendered.rendering().credentials()).collect();
    Ok(Checked { report: Report::assemble(&plan, &chronicle), credentials })
}

/// Judges every scene at once: the requirements of all overlays share the machine.
fn judged(request: &Request, scenes: &[Scene], plan: &Plan) -> Chronicle {
    let mut chronicle = Chronicle::default();
    chronicle.record(Event::RunStarted { run: plan.run.clone() });
    let questions: Vec<(&Scene, &'static Requirement)> = scenes
        .iter()
        .flat_map(|scene| request.catalog.iter().map(move |requirement| (scene, *requirement)))
        .filter(|(scene, requirement)| {
            requirement.rendered.is_some()
                && disposition(request, Some(scene), requirement, Lane::Rendered) == Disposition::Judge
        })
        .collect();
    let events = in_parallel(&questions, |(scene, requirement)| {
        let began = Instant::now();
        let judgement = match &scene.rendered {
            Ok(rendered) => judge_rendered(rendered, requirement),
            Err(error) => unrendered(error),
        };
        let key = key(&request.subjects[scene.subject], &scene.overlay, requirement, Lane::Rendered);
        Event::Judged { key, judgement, seconds: began.elapsed().as_secs_f64(), evidence: Vec::new() }
    });
    events.into_iter().for_each(|event| chronicle.record(event));
    chronicle.record(Event::RunFinished);
    chronicle
}
