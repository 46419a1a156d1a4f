//! RENDER-11: production is pinned.
//!
//! A tag is a promise of whoever can push: what was approved and what runs tomorrow may differ without any change in
//! Git. A digest is the thing itself. So every image of a production overlay carries one, or a tag that the subject
//! declares immutable, and every chart comes in an exact version; a range is fine only where a lock file holds it.

use harness::check::Check;
use harness::expectation::that;
use harness::finding::Place;
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use harness::subject::ChartSource;

/// Production is pinned.
pub const RENDER_11: Requirement = Requirement {
    id: "RENDER-11",
    title: "Production pins images by digest and charts by exact version",
    level: Level::Must,
    source: "S0: pinned chart and digests",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "set the digest of every image (`repository@sha256:...`) in the production values, and exact versions in \
             Chart.yaml or Chart.lock",
    rendered: Some(rendered),
    live: None,
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
            check.expect(chart.place("Chart.yaml"), what, version, that("an exact version", is_exact));
        }
    }
    let file = subject.subject().file();
    let releases = file.releases.iter().map(|release| (&release.name, Some(&release.chart)));
    let companions = file.companions.iter().map(|companion| (&companion.name, companion.chart.as_ref()));
    for (name, chart) in releases.chain(companions) {
        // A path holds the chart itself.
        if let Some(ChartSource { path: None, version, .. }) = chart {
            let version = version.as_deref().unwrap_or_default();
            check.expect(
                Place::object("subject").field(name),
                "version of the chart",
                version,
                that("an exact version", is_exact),
            );
        }
    }
}

fn has_digest(image: &str) -> bool {
    let digest = image.rsplit_once("@sha256:").map(|(_, digest)| digest);
    digest.is_some_and(|digest| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether a version says one, and not a range: three numbers, and what semantic versioning allows behind them.
fn is_exact(version: &str) -> bool {
    let version = version.strip_prefix('v').unwrap_or(version);
    let (core, rest) = version.split_at(version.find(['-', '+']).unwrap_or(version.len()));
    let numbers: Vec<&str> = core.split('.').collect();
    numbers.len() == 3
        && numbers.iter().all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        && !rest.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{has_digest, is_exact};

    #[rstest]
    #[case::version("1.2.3", true)]
    #[case::pre_release("v1.2.3-rc.1+build.5", true)]
    #[case::range(">=0.1.0", false)]
    #[case::caret("^1.2.3", false)]
    #[case::wildcard("2.x.x", false)]
    #[case::part("1.2", false)]
    #[case::two("1.2.3 - 2.0.0", false)]
    #[case::nothing("", false)]
    fn a_version_is_exact_or_a_range(#[case] version: &str, #[case] expected: bool) {
        assert_eq!(is_exact(version), expected);
    }

    #[rstest]
    #[case::digest("example.org/a@sha256:8f4d2c6a1b7e903d5c48f6e2a09b71d3c5e84f6a2d90b3c71e5f8a4d6b2c9e07", true)]
    #[case::tag("example.org/a:1.4.2", false)]
    #[case::cut_digest("example.org/a@sha256:8f4d", false)]
    fn an_image_has_a_digest_or_not(#[case] image: &str, #[case] expected: bool) {
        assert_eq!(has_digest(image), expected);
    }
}
