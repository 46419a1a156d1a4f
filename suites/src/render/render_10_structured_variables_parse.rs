//! RENDER-10: structured variables parse, and keep their case.
//!
//! A list in an environment variable is a text that the application parses, and each application parses another one: a
//! comma list where JSON is expected is a crash at start, `on` where `true` is expected is a feature that stays off.
//! And a variable in another case is simply not there. The rendered lane parses what the subject declares, in every
//! container; the live lane asks the application what it understood.

use harness::check::Check;
use harness::expectation::{empty, that};
use harness::experiment::SETTLED;
use harness::graph::Fact;
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use harness::subject::Format;
use serde_json::Value;

use super::undeclared;

/// Structured variables parse, and keep their case.
pub const RENDER_10: Requirement = Requirement {
    id: "RENDER-10",
    title: "Variables with a structure parse as that structure and keep their case",
    level: Level::Must,
    source: "S3: `CORS_ALLOWED_ORIGINS` is a JSON array, `DB_READ_REPLICAS` in that case",
    since: "1.0",
    revision: 1,
    features: &[],
    experiments: &[Experiment::Install],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "render lists and objects with `toJson | quote`, booleans as true or false, and the variable's name as the \
             application documents it",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    if undeclared(subject, check, "the variables with a structure of their own", "structured") {
        return;
    }
    let structured = &subject.subject().file().structured;
    for (container, variable) in
        subject.containers().flat_map(|container| container.env().iter().map(move |variable| (container, variable)))
    {
        for declared in structured.iter().filter(|declared| declared.variable.eq_ignore_ascii_case(&variable.name)) {
            let name = declared.variable.as_str();
            // Where the exact name stands beside it, the other one is somebody else's variable.
            if variable.name != name && container.variable(name).is_none() {
                let exact = that("its documented case", |written: &str| written == name);
                check.expect(variable, format!("name of {name}"), variable.name.as_str(), exact);
            }
            if variable.name != name {
                continue;
            }
            match variable.value.fact() {
                Fact::Known(value) => {
                    let parses = that(description(declared.format), |text: &str| parses_as(text, declared.format));
                    check.expect(variable, format!("value of {name}"), value, parses);
                }
                Fact::Unknown(hint) => check.undecided(variable, format!("value of {name}"), hint),
            }
        }
    }
    check.not_applicable("no container has a variable that the subject declares as structured");
}

fn live(records: &Records, check: &mut Check) {
    let Some(install) = records.of(Experiment::Install) else { return };
    for pod in install.at(SETTLED).pods.iter().filter(|pod| !pod.is_database) {
        let Some(inspected) = &pod.inspected else {
            check.undecided(pod, "settings of the application", "the application does not answer `inspect`");
            continue;
        };
        let settings: Vec<(&String, &Value)> = inspected.settings.as_object().into_iter().flatten().collect();
        let misread: Vec<&str> = settings.iter().filter_map(|(_, setting)| setting.get("error")?.as_str()).collect();
        if !settings.is_empty() {
            check.expect(pod, "settings that the application cannot read", misread.as_slice(), empty());
        }
        let given: Vec<&String> =
            inspected.environment.as_object().into_iter().flatten().map(|(name, _)| name).collect();
        let differs =
            |name: &&&String| settings.iter().any(|(known, _)| known.eq_ignore_ascii_case(name) && known != *name);
        let other_case: Vec<&&String> = given.iter().filter(differs).collect();
        if !given.is_empty() && !settings.is_empty() {
            check.expect(pod, "variables in another case than the application knows", other_case.as_slice(), empty());
        }
    }
}

fn description(format: Format) -> &'static str {
    match format {
        Format::JsonArray => "a JSON array",
        Format::JsonObject => "a JSON object",
        Format::Boolean => "true or false",
        Format::Number => "a decimal number",
        Format::Url => "an absolute URL",
    }
}

fn parses_as(text: &str, format: Format) -> bool {
    let json = || serde_json::from_str::<Value>(text).ok();
    match format {
        Format::JsonArray => json().is_some_and(|value| value.is_array()),
        Format::JsonObject => json().is_some_and(|value| value.is_object()),
        Format::Boolean => matches!(text, "true" | "false"),
        // Helm writes a large number as 1e+06, which whoever expects digits does not read.
        Format::Number => {
            let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
            digits(whole.strip_prefix('-').unwrap_or(whole)) && digits(fraction)
        }
        Format::Url => {
            let parts = text.split_once("://");
            let scheme = |name: &str| {
                name.starts_with(|first: char| first.is_ascii_alphabetic())
                    && name.chars().all(|character| character.is_ascii_alphanumeric() || "+-.".contains(character))
            };
            parts.is_some_and(|(name, rest)| {
                scheme(name) && !rest.is_empty() && !rest.starts_with('/') && !text.contains(char::is_whitespace)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use harness::experiment::SETTLED;
    use harness::record::Experiment;
    use harness::subject::Format;
    use harness::verdict::Verdict::{self, Holds, Violated};
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::{RENDER_10, parses_as};
    use crate::testing::{judge_live, moment, pod, record};

    #[rstest]
    #[case::as_meant(json!({"value": true, "source": "environment"}), "JANGAR_GRPC_ENABLED", Holds)]
    #[case::unreadable(json!({"error": "use JANGAR_GRPC_ENABLED: expected true or false"}), "JANGAR_GRPC_ENABLED", Violated)]
    #[case::in_another_case(json!({"value": false, "source": "default"}), "jangar_grpc_enabled", Violated)]
    fn the_application_reads_what_was_meant(#[case] setting: Value, #[case] given: &str, #[case] verdict: Verdict) {
        let mut pod = pod("deployment/agents", "a");
        let inspected = pod.inspected.as_mut().unwrap();
        inspected.settings = json!({"JANGAR_GRPC_ENABLED": setting});
        inspected.environment = json!({given: {"sha256": "0"}});
        assert_eq!(judge_live(&RENDER_10, [record(Experiment::Install, [moment(SETTLED, 10, [pod])])]), verdict);
    }

    #[rstest]
    #[case::json_array(r#"["https://a"]"#, Format::JsonArray, true)]
    #[case::comma_list("https://a,https://b", Format::JsonArray, false)]
    #[case::object_for_a_list("{}", Format::JsonArray, false)]
    #[case::json_object(r#"{"a": 1}"#, Format::JsonObject, true)]
    #[case::word("on", Format::Boolean, false)]
    #[case::capital("True", Format::Boolean, false)]
    #[case::boolean("true", Format::Boolean, true)]
    #[case::number("-0.5", Format::Number, true)]
    #[case::large_number_as_helm_writes_it("1e+06", Format::Number, false)]
    #[case::not_a_number("NaN", Format::Number, false)]
    #[case::url("http://collector:4317", Format::Url, true)]
    #[case::host("collector:4317", Format::Url, false)]
    #[case::scheme_alone("http://", Format::Url, false)]
    fn a_text_has_a_structure_or_not(#[case] text: &str, #[case] format: Format, #[case] expected: bool) {
        assert_eq!(parses_as(text, format), expected);
    }
}
