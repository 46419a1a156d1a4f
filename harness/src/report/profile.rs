//! A profile explained: which requirements apply because a gate demands it.

use std::fmt::Write;

use crate::profile::Profile;
use crate::requirement::Requirement;

/// The width up to which lines are filled.
const WIDTH: usize = 100;

/// Everything that a profile demands, and what follows from it.
pub fn profile(profile: &Profile, catalogue: &[&Requirement]) -> String {
    let mut text = format!("{} {}\n", profile.name, profile.summary);
    for feature in &profile.demands {
        let presuppose = catalogue.iter().filter(|requirement| requirement.features.contains(feature));
        let ids: Vec<&str> = presuppose.map(|requirement| requirement.id).collect();
        let _ = writeln!(text, "  demands     {feature}");
        if ids.is_empty() {
            let _ = writeln!(text, "              makes checks stricter; no requirement applies because of it");
        }
        let mut line = String::new();
        for id in ids {
            if line.len() + id.len() + 15 > WIDTH {
                let _ = writeln!(text, "             {line}");
                line.clear();
            }
            line.push(' ');
            line.push_str(id);
        }
        if !line.is_empty() {
            let _ = writeln!(text, "             {line}");
        }
    }
    let always = catalogue.iter().filter(|requirement| requirement.features.is_empty()).count();
    let _ = writeln!(text, "  besides     {always} requirements that apply to every subject");
    let _ =
        writeln!(text, "  otherwise   what presupposes a feature that a subject neither claims nor shows is violated");
    let _ = writeln!(text, "  use         holdfast run --subject FILE --profile {}", profile.name);
    text
}

/// The profiles that a gate can demand, a line each.
pub fn profiles(profiles: &[Profile]) -> String {
    let width = profiles.iter().map(|profile| profile.name.len()).max().unwrap_or(0);
    let mut text =
        String::from("\nProfiles that a gate can demand; `holdfast explain NAME@N` says what one requires:\n");
    for Profile { name, summary, .. } in profiles {
        let _ = writeln!(text, "  {name:width$}  {summary}");
    }
    text
}
