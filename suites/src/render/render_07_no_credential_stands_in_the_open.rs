//! RENDER-07: no credential stands in the open.
//!
//! A default password is shared by everybody who forgets to set one; a ConfigMap, an argument, an annotation and the
//! notes are read by people, logs and backups that no Secret would reach. Where the values take a password, a marked
//! one is planted and followed in every spelling, so that what the chart does with it is seen and not guessed. What is
//! written in files and manifests already is recognised by names and looks, in a file of settings that a ConfigMap holds
//! line by line; there, overlooking is better than accusing.

use harness::check::Check;
use harness::expectation::{empty, equal_to, not_empty};
use harness::experiment::SETTLED;
use harness::finding::{Locate as _, Place};
use harness::helm::{Package, ValuePath};
use harness::manifests::Object;
use harness::plaintext;
use harness::record::{Experiment, Records};
use harness::redact::Redactor;
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use crate::named::text_files;
use crate::passwords::{password_values, plain_password, renderings_with_passwords};

/// No credential stands in the open.
pub const RENDER_07: Requirement = Requirement {
    id: "RENDER-07",
    title: "No plaintext credential stands outside a Secret",
    level: Level::Must,
    source: "S1: \"No hardcoded dbpassword\"; S2: \"remove plaintext fallbacks\"; S3: \"DO NOT commit\"",
    since: "1.0",
    revision: 2,
    features: &[],
    experiments: &[Experiment::Install],
    decisive: &[Lane::Rendered, Lane::Live],
    remedy: "take the credential out of the chart, rotate it, and hand it over by a reference to a Secret \
             (`secretKeyRef`, or a mounted file)",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let passwords = password_values(subject);
    for chart in subject.charts() {
        package(chart, &passwords, check);
    }
    for object in subject.manifests().objects().filter(|object| is_open(object)) {
        let found = plaintext::fields(object.value());
        let at = found.first().map_or_else(|| object.place(), |field| object.at(field));
        check.expect(at, "fields that hold a credential", found.as_slice(), empty());
    }
    let Some(marks) = Marks::of(&passwords) else {
        return check.undecided(Place::object("values"), "marked passwords", "they could not be registered");
    };
    for (_, rendering) in renderings_with_passwords(subject, check) {
        for object in rendering.manifests().objects().filter(|object| is_open(object)) {
            let found: Vec<String> = super::strings(object.value(), &|value| marks.repeated_by(value).is_some());
            let at = found.first().map_or_else(|| object.place(), |field| object.at(field));
            let named = found.iter().map(|field| {
                let value = ValuePath::parse(field).get(object.value()).and_then(|value| marks.repeated_by(value));
                format!("{field}, of {}", value.unwrap_or("a password"))
            });
            let named: Vec<String> = named.collect();
            check.expect(at, "fields that repeat a password of the values", named.as_slice(), empty());
        }
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(install) = records.of(Experiment::Install) else { return };
    let place = Place::object("the namespace");
    let Some(exposed) = &install.at(SETTLED).exposed else {
        return check.undecided(place, "live passwords in the open", "nobody searched for them");
    };
    check.control(place, "live passwords to search for", &exposed.searched[..], not_empty());
    for place in &exposed.places {
        let state = if exposed.found.contains(place) { "a live password" } else { "none" };
        check.expect(place, "a live password in any spelling", &state, equal_to("none"));
    }
}

/// The plain passwords of a check, each with the value that it is planted in.
struct Marks(Vec<(String, Redactor)>);

impl Marks {
    fn of(passwords: &[ValuePath]) -> Option<Self> {
        let marks = passwords.iter().enumerate().map(|(number, path)| {
            let redactor = Redactor::in_memory();
            redactor.register("password", &plain_password(number)).ok()?;
            Some((path.to_string(), redactor))
        });
        marks.collect::<Option<_>>().map(Self)
    }

    /// The value whose password a text holds, in any spelling.
    fn repeated_by(&self, value: &Value) -> Option<&str> {
        let text = value.as_str()?;
        self.0.iter().find(|(_, redactor)| redactor.mask(text) != text).map(|(path, _)| path.as_str())
    }
}

/// What people can read who must not read Secrets. Definitions of kinds only describe such fields.
fn is_open(object: &Object) -> bool {
    !matches!(object.kind(), "Secret" | "CustomResourceDefinition")
}

/// Whether a file is there for the tests of the chart, as helm-unittest and chart-testing have them: the passwords in it
/// open what the tests make.
fn is_of_its_tests(path: &str) -> bool {
    let mut folders = path.split('/');
    let is_suite = path.ends_with("_test.yaml") || path.ends_with("_test.yml");
    is_suite || !path.contains("templates/") && folders.any(|folder| matches!(folder, "tests" | "ci"))
}

/// What everybody who has the chart can read.
fn package(chart: &Package, passwords: &[ValuePath], check: &mut Check) {
    let defaults =
        chart.defaults().into_iter().filter(|(path, value)| value.as_str().is_some_and(|text| opens(path, text)));
    let defaults: Vec<String> = defaults.map(|(path, _)| path.to_string()).collect();
    check.expect(chart.place("values.yaml"), "defaults that are passwords", defaults.as_slice(), empty());
    for (path, text) in text_files(chart).filter(|(path, _)| !is_of_its_tests(path)) {
        let lines: Vec<String> = plaintext::lines(text).iter().map(|line| format!("line {line}")).collect();
        if !lines.is_empty() {
            check.expect(chart.place(path), "lines that hold a credential", lines.as_slice(), empty());
        }
        if path.ends_with("NOTES.txt") {
            let printed: Vec<&ValuePath> = passwords.iter().filter(|value| prints(text, value)).collect();
            let printed: Vec<String> = printed.into_iter().map(ToString::to_string).collect();
            check.expect(chart.place(path), "passwords that the notes print", printed.as_slice(), empty());
        }
    }
}

/// Whether a default is a password, or a file of settings with one in it.
fn opens(path: &ValuePath, default: &str) -> bool {
    let is_file = default.trim_end().contains('\n');
    let name = path.keys().pop().unwrap_or_default();
    plaintext::is_stated(default) && plaintext::is_password_path(path)
        || is_file && plaintext::states_a_credential(&name, default)
}

/// Whether a template prints a value. A condition only looks at it, and a digest hides it.
fn prints(template: &str, value: &ValuePath) -> bool {
    let actions = template.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(action, _)| action);
    let spoken = format!(".Values.{value}");
    actions.map(|action| action.trim_matches(['-', ' '])).any(|action| {
        let conditional = ["if ", "else", "with ", "range ", "$", "/*"].iter().any(|word| action.starts_with(word));
        action.contains(&spoken) && !conditional && !action.contains("sha256sum")
    })
}

#[cfg(test)]
mod tests {
    use harness::experiment::SETTLED;
    use harness::finding::Place;
    use harness::helm::ValuePath;
    use harness::record::{Experiment, Exposed};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::{RENDER_07, is_of_its_tests, opens, prints};
    use crate::testing::{judge_live, judge_manifests, moment, record};

    #[rstest]
    #[case::printed("The password is {{ .Values.database.password }}", true)]
    #[case::printed_in_base64("{{- .Values.database.password | b64enc -}}", true)]
    #[case::condition("{{- if .Values.database.password }}A password is set.{{ end }}", false)]
    #[case::digest("{{ .Values.database.password | sha256sum }}", false)]
    #[case::comment("{{/* .Values.database.password */}}", false)]
    #[case::read_from_the_cluster("kubectl get secret db -o jsonpath='{.data.password}'", false)]
    fn notes_print_a_password_or_only_mention_it(#[case] notes: &str, #[case] expected: bool) {
        assert_eq!(prints(notes, &ValuePath::parse("database.password")), expected);
    }

    #[rstest]
    #[case::a_password("auth.password", "dbpassword", true)]
    #[case::a_file_with_one("config", "[database]\nPASSWD = dbpassword\n", true)]
    #[case::a_file_that_refers_to_one("config", "[database]\nPASSWD = ${DB_PASSWORD}\n", false)]
    #[case::nothing("auth.password", "", false)]
    fn a_default_is(#[case] path: &str, #[case] default: &str, #[case] expected: bool) {
        assert_eq!(opens(&ValuePath::parse(path), default), expected);
    }

    #[rstest]
    #[case::a_password("[database]\n    HOST = db:5432\n    PASSWD = dbpassword", Violated)]
    #[case::a_reference("[database]\n    HOST = db:5432\n    PASSWD = ${DB_PASSWORD}", Holds)]
    #[case::a_url_behind_another(
        "ROOT_URL = https://git.example.org\n    DB = postgres://app:dbpassword@db/app",
        Violated
    )]
    fn a_file_in_a_config_map_states(#[case] lines: &str, #[case] verdict: Verdict) {
        let text =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n  app.ini: |\n    {lines}\n");
        assert_eq!(judge_manifests(&RENDER_07, &text), verdict);
    }

    #[rstest]
    #[case::values_of_chart_testing("ci/external-values.yaml", true)]
    #[case::of_helm_unittest("tests/secret_test.yaml", true)]
    #[case::beside_the_templates("templates/tests/secret_test.yaml", true)]
    #[case::of_a_chart_within("charts/pg/tests/__snapshot__/secret.yaml.snap", true)]
    #[case::a_pod_of_helm_test("templates/tests/connection.yaml", false)]
    #[case::another_file("examples/values.yaml", false)]
    fn a_file_is_of_the_charts_tests(#[case] path: &str, #[case] expected: bool) {
        assert_eq!(is_of_its_tests(path), expected);
    }

    #[rstest]
    #[case::nowhere(&["secret/db, password"], &[], Holds)]
    #[case::in_a_config_map(&["secret/db, password"], &["configmap/settings"], Violated)]
    #[case::of_which_there_is_none(&[], &[], Unchecked)]
    fn a_live_password_stands(#[case] searched: &[&str], #[case] found: &[&str], #[case] verdict: Verdict) {
        let places = |names: &[&str]| names.iter().map(|name| Place::object(*name)).collect();
        let mut settled = moment(SETTLED, 0, []);
        settled.exposed = Some(Exposed {
            searched: searched.iter().map(|name| (*name).to_owned()).collect(),
            places: places(&["deployment/agents", "configmap/settings"]),
            found: places(found),
            ..Exposed::default()
        });
        assert_eq!(judge_live(&RENDER_07, [record(Experiment::Install, [settled])]), verdict);
    }

    #[test]
    fn what_nobody_searched_is_not_clean() {
        assert_eq!(judge_live(&RENDER_07, [record(Experiment::Install, [moment(SETTLED, 0, [])])]), Unchecked);
    }
}
