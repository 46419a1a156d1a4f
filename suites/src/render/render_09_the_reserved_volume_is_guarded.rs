//! RENDER-09: the reserved volume is guarded.
//!
//! Users add volumes of their own, and the chart adds the one with the CA. Where both have the same name, the API server
//! refuses the whole pod at install; or worse, a template drops one of the two, and the file that the client trusts is
//! somebody else's. So a volume of the reserved name is added, and the render must fail.

use harness::check::Check;
use harness::helm::ValuePath;
use harness::rendered::{Change, Rendered, refused, renders};
use harness::requirement::{Lane, Level, Requirement};
use serde_json::{Value, json};

use super::{ca_with, undeclared};
use crate::named::is_there;

/// The reserved volume is guarded.
pub const RENDER_09: Requirement = Requirement {
    id: "RENDER-09",
    title: "A user's volume with the reserved name is refused at render",
    level: Level::Must,
    source: "S0: \"Secret volume name is `db-ca-cert` (reserved)\"",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[],
    decisive: &[Lane::Rendered],
    remedy: "`fail` in a template when a user's volume has the name that the chart gives to the CA's volume",
    rendered: Some(rendered),
    live: None,
};

/// A name that no chart gives to a volume of its own.
const UNRESERVED: &str = "holdfast-volume-of-a-user";

fn rendered(subject: &Rendered, check: &mut Check) {
    if undeclared(subject, check, "the reserved name and the list of users' volumes", "database.ca") {
        return;
    }
    let plan = subject.subject().ca();
    let Some((volume, list)) =
        plan.and_then(|plan| Some((plan.volume.as_deref()?, plan.extra_volumes_value.as_deref()?)))
    else {
        return check.not_applicable("users of the chart cannot add volumes, or no name is reserved");
    };
    if !is_there(subject, "database.ca.extraVolumesValue", &ValuePath::parse(list), check) {
        return;
    }
    let with_a_volume = |name: &str| {
        let mut volumes = subject.value(list).and_then(Value::as_array).cloned().unwrap_or_default();
        volumes.push(json!({"name": name, "emptyDir": {}}));
        let change = Change::set(list, volumes);
        match plan.and_then(|plan| plan.name_value.as_deref()) {
            Some(value) => ca_with(subject, value, change),
            None => change,
        }
    };
    // A list that takes no volume at all refuses the reserved name too, and guards nothing.
    let (other, reserved) = (with_a_volume(UNRESERVED), with_a_volume(volume));
    if let Some(attempt) = subject.with(&other, check) {
        check.control(&other, "rendering with a volume of another name", &attempt, renders());
    }
    if let Some(attempt) = subject.with(&reserved, check) {
        check.expect(&reserved, "rendering with a volume of the reserved name", &attempt, refused());
    }
}
