//! RENDER-01: a CA Secret without its key is refused.
//!
//! With the Secret's name set and the key empty, a template renders a path that ends in a slash and a projection of
//! nothing: the pod starts, or hangs, far away from the mistake. A `default "ca.crt"` hides the mistake instead, and a
//! guard that only compares with the empty text lets a blank pass. So the key is emptied and blanked, and the message
//! must name the value, because whoever reads it sees nothing else.

use harness::check::Check;
use harness::helm::ValuePath;
use harness::rendered::{Change, Rendered, refused_naming, renders};
use harness::requirement::{Lane, Level, Requirement};

use super::{ca_with, undeclared};
use crate::named::is_there;

/// A CA Secret without its key is refused.
pub const RENDER_01: Requirement = Requirement {
    id: "RENDER-01",
    title: "A named CA Secret without its key is refused at render",
    level: Level::Must,
    source: "S0: \"fail if `database.caSecret.name` is set and key is empty\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "fail in a template when the name is set and the key, trimmed, is empty; name the value in the message, and \
             do not put a default in its place",
    rendered: Some(rendered),
    live: None,
};

fn rendered(subject: &Rendered, check: &mut Check) {
    if undeclared(subject, check, "the values that name the CA Secret and its key", "database.ca") {
        return;
    }
    let plan = subject.subject().ca();
    let Some((name, key)) = plan.and_then(|plan| Some((plan.name_value.as_deref()?, plan.key_value.as_deref()?)))
    else {
        return check.not_applicable("no value of the chart names the key of a CA Secret");
    };
    let values = [("database.ca.nameValue", name), ("database.ca.keyValue", key)];
    if !values.iter().all(|(field, path)| is_there(subject, field, &ValuePath::parse(path), check)) {
        return;
    }
    let complete = ca_with(subject, name, Change::none());
    let complete = if subject.value_text(key).is_some() { complete } else { complete.and_set(key, "ca.crt") };
    let Some(control) = subject.with(&complete, check) else { return };
    check.control(&complete, "rendering with name and key", &control, renders());
    for blank in ["", " "] {
        let change = ca_with(subject, name, Change::set(key, blank));
        if let Some(attempt) = subject.with(&change, check) {
            check.expect(&change, "rendering without the key", &attempt, refused_naming(key));
        }
    }
}
