//! RENDER-03: lint is not the only guard.
//!
//! Helm ignores `required` and `fail` while it lints, and a script beside the chart runs only where somebody calls it;
//! what deploys is a render. So whatever anybody refuses must be refused there too: the inputs that the subject lists as
//! guarded, and the subject's own values if lint finds an error in them. That lint accepts a missing input says nothing.

use harness::check::Check;
use harness::expectation::empty;
use harness::rendered::{Change, Rendered, refused};
use harness::requirement::{Lane, Level, Requirement};

use super::{guards_taken_away, undeclared};

/// Lint is not the only guard.
pub const RENDER_03: Requirement = Requirement {
    id: "RENDER-03",
    title: "What lint or a script refuses is refused by `helm template` too",
    level: Level::Must,
    source: "S2: \"fail when templates emit `required(...)` errors\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "put the guard into a template (`required`, `fail`) or into values.schema.json, so that every render meets it",
    rendered: Some(rendered),
    live: None,
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let own = Change::none();
    if let Some(lint) = subject.lint(&own, check) {
        let errors: Vec<&String> = lint.messages.iter().filter(|message| message.starts_with("[ERROR]")).collect();
        check.expect(&own, "errors of helm lint where helm template renders", errors.as_slice(), empty());
    }
    if undeclared(subject, check, "the inputs that somebody guards", "guards") {
        return;
    }
    for (change, attempt) in guards_taken_away(subject, check) {
        check.expect(&change, "helm template without the guarded input", &attempt, refused());
    }
}
