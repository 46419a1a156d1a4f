//! RENDER-11: production is pinned.
//!
//! A tag is a promise of whoever can push: what was approved and what runs tomorrow may differ without any change in
//! Git. A digest is the thing itself. So every image of a production overlay carries one, or a tag that the subject
//! declares immutable, and every chart comes in an exact version; a range is fine only where a lock file holds it.

use harness::check::Check;
use harness::expectation::that;
use harness::experiment::SETTLED;
use harness::finding::{Locate as _, Place};
use harness::record::{Experiment, PodImage, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use harness::subject::{ChartSource, has_digest, is_exact_version};

/// Production is pinned.
pub const RENDER_11: Requirement = Requirement {
    id: "RENDER-11",
    title: "Production pins images by digest and charts by exact version",
    level: Level::Must,
    source: "S0: pinned chart and digests",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[Experiment::Install],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "set the digest of every image (`repository@sha256:...`) in the production values, and exact versions in \
             Chart.yaml or Chart.lock",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    if !subject.overlay().production {
        return check.not_applicable("the overlay is not marked as production");
    }
    let immutable: Vec<&str> = subject
        .subject()
        .images()
        .iter()
        .filter(|image| image.immutable)
        .map(|image| image.reference.as_str())
        .collect();
    let images = subject.containers().map(|container| (container.at("image"), container.image().to_owned()));
    let of_clusters = subject.manifests().of_kind("Cluster").filter_map(|cluster| {
        Some((cluster.at("spec.imageName"), cluster.get("spec.imageName")?.as_str()?.to_owned()))
    });
    for (at, image) in images.chain(of_clusters) {
        let pinned = that("a digest, or a tag that the subject declares immutable", |image: &str| {
            has_digest(image) || immutable.contains(&image)
        });
        check.expect(at, "image", image.as_str(), pinned);
    }
    for chart in subject.charts() {
        for dependency in chart.dependencies() {
            let version = dependency.locked.as_deref().unwrap_or(&dependency.version);
            let what = format!("version of dependency {}", dependency.name);
            check.expect(chart.place("Chart.yaml"), what, version, that("an exact version", is_exact_version));
        }
    }
    let file = subject.subject().file();
    let releases = file.releases.iter().map(|release| (&release.name, Some(&release.chart)));
    let companions = file.companions.iter().map(|companion| (&companion.name, companion.chart.as_ref()));
    for (name, chart) in releases.chain(companions) {
        // A path holds the chart itself.
        if let Some(ChartSource { path: None, version, oci, .. }) = chart
            && !oci.as_deref().is_some_and(has_digest)
        {
            let version = version.as_deref().unwrap_or_default();
            check.expect(
                Place::object("subject").field(name),
                "version of the chart",
                version,
                that("an exact version", is_exact_version),
            );
        }
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(install) = records.of(Experiment::Install) else { return };
    if !install.production {
        return check.not_applicable("the overlay that was installed is not marked as production");
    }
    for pod in &install.at(SETTLED).pods {
        for (container, image) in &pod.images {
            let place = pod.place().container(container);
            let pinned = that("what a digest says", |ran: &str| !ran.starts_with("not "));
            check.expect(place, "the image that runs", ran(image).as_str(), pinned);
        }
    }
}

/// What a node made of the reference of a running container.
fn ran(image: &PodImage) -> String {
    let Some((_, digest)) = image.reference.rsplit_once('@') else {
        return format!("not told by {}, which can be moved", image.reference);
    };
    match &image.stands_for {
        _ if image.id.is_empty() => format!("not resolved: {}", image.reference),
        _ if image.id.ends_with(digest) => format!("{digest}, as it was asked for"),
        // It was built here under that reference; the digest is that of what others publish.
        Some(ours) => format!("what stands for it on this machine: {ours}"),
        None => format!("not {digest}, but {}", image.id),
    }
}

#[cfg(test)]
mod tests {
    use harness::experiment::SETTLED;
    use harness::record::{Experiment, PodImage};
    use harness::verdict::Verdict::{self, Holds, NotApplicable, Violated};
    use rstest::rstest;

    use super::RENDER_11;
    use crate::testing::{judge_live, moment, pod, record};

    const DIGEST: &str = "sha256:8f4d2c6a1b7e903d5c48f6e2a09b71d3c5e84f6a2d90b3c71e5f8a4d6b2c9e07";

    #[rstest]
    #[case::is_what_the_digest_says(true, "@", "registry/agents@", None, Holds)]
    #[case::is_something_else(true, "@", "registry/agents@sha256:0000", None, Violated)]
    #[case::was_built_here(true, "@", "sha256:0000", Some("workload"), Holds)]
    #[case::is_asked_for_by_tag(true, ":1.4.2", "registry/agents@", None, Violated)]
    #[case::is_not_in_production(false, ":1.4.2", "registry/agents@", None, NotApplicable)]
    fn the_image_that_runs(
        #[case] production: bool,
        #[case] asked: &str,
        #[case] id: &str,
        #[case] ours: Option<&str>,
        #[case] verdict: Verdict,
    ) {
        let with_digest = |text: &str| if text.ends_with('@') { format!("{text}{DIGEST}") } else { text.to_owned() };
        let image = PodImage {
            reference: with_digest(&format!("example.org/agents{asked}")),
            id: with_digest(id),
            stands_for: ours.map(str::to_owned),
        };
        let mut running = pod("deployment/agents", "a");
        running.images = [("server".to_owned(), image)].into();
        let mut install = record(Experiment::Install, [moment(SETTLED, 0, [running])]);
        install.production = production;
        assert_eq!(judge_live(&RENDER_11, [install]), verdict);
    }
}
