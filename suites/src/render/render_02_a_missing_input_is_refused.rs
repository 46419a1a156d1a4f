//! RENDER-02: a missing input is refused.
//!
//! A reference to a Secret without a name, an exporter without an endpoint: rendered with `default ""`, they become an
//! application that fails at its first use, in the one environment that forgot the value. So every input that the
//! subject lists is taken away, one at a time, in every overlay, and inputs of a feature also where the overlay has
//! that feature switched off. What such a feature refuses with the input too says nothing of the input.

use harness::check::Check;
use harness::rendered::{Rendered, refused};
use harness::requirement::{Lane, Level, Requirement};

use super::{guards_taken_away, undeclared};

/// A missing input is refused.
pub const RENDER_02: Requirement = Requirement {
    id: "RENDER-02",
    title: "A missing required input is refused at render, in every overlay",
    level: Level::Must,
    source: "S2: \"fails templating unless `existingSecret` is set in every environment\"; \"guards for `environment`, \
             OTEL endpoint, and Redis config when enabled\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "wrap the value in `required`, or `fail` in a template while its feature is on, instead of `default \"\"`",
    rendered: Some(rendered),
    live: None,
};

fn rendered(subject: &Rendered, check: &mut Check) {
    if undeclared(subject, check, "the inputs that the chart must insist on", "guards") {
        return;
    }
    if subject.subject().guards().is_empty() {
        return check.not_applicable("the subject lists no input that is required");
    }
    for (change, attempt) in guards_taken_away(subject, check) {
        check.expect(&change, "rendering without it", &attempt, refused());
    }
}
