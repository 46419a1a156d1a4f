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
    let _ = writeln!(text, "  besides     what applies to every subject: {always} requirements");
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

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::{profile, profiles};
    use crate::feature::Feature;
    use crate::profile::Profile;
    use crate::requirement::{Level, Requirement};

    const CA_06: Requirement = Requirement {
        id: "CA-06",
        title: "The client verifies the server",
        level: Level::Must,
        source: "S0",
        since: "1.0",
        revision: 1,
        features: &[Feature::Ca],
        experiments: &[],
        decisive: &[],
        remedy: "",
        rendered: None,
        live: None,
    };
    const CA_07: Requirement = Requirement { id: "CA-07", features: &[Feature::Ca, Feature::CaRotation], ..CA_06 };
    const TLS_01: Requirement = Requirement { id: "TLS-01", features: &[], ..CA_06 };

    fn payments() -> Profile {
        Profile {
            name: "payments@2".into(),
            summary: "What the payments team lets through".into(),
            demands: vec![Feature::Ca, Feature::CaRotation, Feature::Gitops],
        }
    }

    #[test]
    fn a_profile_says_what_applies_because_of_it() {
        assert_snapshot!(profile(&payments(), &[&CA_06, &CA_07, &TLS_01]), @"
        payments@2 What the payments team lets through
          demands     ca
                      CA-06 CA-07
          demands     ca.rotation
                      CA-07
          demands     gitops
                      makes checks stricter; no requirement applies because of it
          besides     what applies to every subject: 1 requirements
          otherwise   what presupposes a feature that a subject neither claims nor shows is violated
          use         holdfast run --subject FILE --profile payments@2
        ");
    }

    #[test]
    fn the_list_has_a_line_for_each() {
        let other = Profile { name: "p@1".into(), ..payments() };
        assert_snapshot!(profiles(&[payments(), other]), @"

        Profiles that a gate can demand; `holdfast explain NAME@N` says what one requires:
          payments@2  What the payments team lets through
          p@1         What the payments team lets through
        ");
    }

    #[test]
    fn many_requirements_take_several_lines() {
        let text = profile(&payments(), &[&CA_06; 40]);
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
        assert_eq!(text.matches("CA-06").count(), 40);
    }
}
