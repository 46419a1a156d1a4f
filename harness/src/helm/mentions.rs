//! Which values the templates of a chart mention.
//!
//! A mention proves that somebody reads a value, though perhaps only under other values. That there is none proves
//! little by itself: charts pass mappings on and look into them under other names. So this is lenient, and whoever
//! needs to know that nothing reads a value changes it and renders.

use super::chart::Package;
use super::values::ValuePath;

/// The actions of all templates of a chart, its subcharts included.
#[derive(Debug, Clone, Default)]
pub struct Mentions {
    actions: Vec<String>,
}

/// Words of actions that take a mapping as a whole.
const WHOLE: &[&str] = &[
    "toYaml",
    "toJson",
    "toRawJson",
    "toPrettyJson",
    "toToml",
    "range ",
    "tpl ",
    "merge",
    "omit ",
    "pick ",
    "index ",
    "get ",
    "dig ",
    "pluck ",
    "dict ",
    "values ",
];

/// Words of actions before the name of a template, which may end like a value and reads none.
const CALLS: &[&str] = &["define \"", "include \"", "template \"", "block \""];

impl FromIterator<String> for Mentions {
    fn from_iter<I: IntoIterator<Item = String>>(actions: I) -> Self {
        Self { actions: actions.into_iter().map(without_names_of_templates).collect() }
    }
}

impl Mentions {
    /// Reads the templates, and every other file that a template may take for one.
    pub fn of(chart: &Package) -> Self {
        let files = chart.files.iter().filter(|file| !file.path.to_lowercase().ends_with(".md"));
        let actions = files.filter_map(|file| file.text()).flat_map(|text| {
            let pieces = text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}"));
            pieces.map(|(action, _)| action.trim_matches(['-', ' ', '\n']).to_owned()).collect::<Vec<_>>()
        });
        Self::from_iter(actions.filter(|action| !action.starts_with("/*")))
    }

    /// Whether a template mentions a value, or a mapping around it together with its name.
    pub fn mention(&self, path: &ValuePath) -> bool {
        let keys = path.keys();
        let Some((leaf, parents)) = keys.split_last() else { return false };
        let written = |keys: &[String]| format!(".Values.{}", keys.join("."));
        if self.actions.iter().any(|action| holds(action, &written(&keys), true) || action.contains(&indexed(&keys))) {
            return true;
        }
        let named = || {
            self.actions
                .iter()
                .any(|action| holds(action, &format!(".{leaf}"), true) || action.contains(&format!("\"{leaf}\"")))
        };
        for length in (1..=parents.len()).rev() {
            if self.actions.iter().any(|action| hands_on_by_index(action, &parents[..length])) {
                return true;
            }
            let around = written(&parents[..length]);
            let handing = self.actions.iter().enumerate().filter(|(_, action)| holds(action, &around, false));
            let mut handing = handing.peekable();
            if handing.peek().is_none() {
                continue;
            }
            if handing.any(|(at, action)| self.takes_the_whole(at, action)) || named() {
                return true;
            }
        }
        // An index that spells its keys hands on no more than what it spells.
        let all = |action: &&String| holds(action, ".Values", false) && !action.contains("index .Values \"");
        self.actions.iter().any(|action| all(&action)) && named()
    }

    /// Whether an action takes all of a mapping that it holds: itself, under another name, or as the dot of what follows.
    fn takes_the_whole(&self, at: usize, action: &str) -> bool {
        if takes_wholes(action) {
            return true;
        }
        let near = self.actions.iter().skip(at + 1).take(NEAR);
        if action.starts_with("with ") {
            return near.into_iter().any(|next| takes_wholes(next) && has_the_dot(next));
        }
        let assigned = action.split_once('=').map(|(name, _)| name.trim_end_matches(':').trim());
        assigned
            .filter(|name| name.starts_with('$'))
            .is_some_and(|name| self.actions.iter().any(|action| takes_wholes(action) && holds(action, name, false)))
    }
}

/// How many actions after a `with` are looked at for its dot.
const NEAR: usize = 3;

fn takes_wholes(action: &str) -> bool {
    WHOLE.iter().any(|word| action.contains(word))
}

/// Whether an action hands on the whole of a mapping whose name no path can spell, `toYaml (index .Values "a-b" "c")`.
fn hands_on_by_index(action: &str, keys: &[String]) -> bool {
    let whole = WHOLE.iter().filter(|word| !["index ", "get "].contains(word)).any(|word| action.contains(word));
    let rest = action.split_once(&indexed(keys)).map(|(_, rest)| rest.trim_start());
    // A key that stands in a variable may be any.
    rest.is_some_and(|rest| rest.starts_with('$') || whole && !rest.starts_with('"'))
}

fn indexed(keys: &[String]) -> String {
    format!("index .Values \"{}\"", keys.join("\" \""))
}

fn without_names_of_templates(mut action: String) -> String {
    for call in CALLS {
        let mut from = 0;
        while let Some(at) = action[from..].find(call) {
            from += at + call.len();
            let length = action[from..].find('"').unwrap_or_default();
            action.replace_range(from..from + length, "");
        }
    }
    action
}

fn has_the_dot(action: &str) -> bool {
    action.split_whitespace().any(|word| word.trim_matches(['(', ')']) == ".")
}

/// Whether an action holds a word that ends there; with `deeper`, what follows may go on with a dot.
fn holds(action: &str, word: &str, deeper: bool) -> bool {
    action.match_indices(word).any(|(at, _)| {
        let next = action[at + word.len()..].chars().next();
        next.is_none_or(|next| !(next.is_ascii_alphanumeric() || next == '_' || next == '-' || next == '.' && !deeper))
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Mentions;
    use crate::helm::ValuePath;

    #[rstest]
    #[case::itself("image.tag", true)]
    #[case::longer_name("image.tagged", false)]
    #[case::mapping_as_a_whole("resources.limits.cpu", true)]
    #[case::under_another_name("database.secretRef.key", true)]
    #[case::under_another_name_and_not_read("database.acquireTimeout", false)]
    #[case::in_a_comment("old.value", false)]
    #[case::as_the_dot_of_with("podSecurity.runAsUser", true)]
    #[case::not_the_dot_of_with("probe.path", false)]
    #[case::in_a_variable_that_is_taken_as_a_whole("marks.first", true)]
    #[case::handed_to_another_template("job.security.runAsUser", true)]
    #[case::whole_by_index("side-car.resources.cpu", true)]
    #[case::itself_by_index("side-car.auth.user", true)]
    #[case::another_by_index("side-car.auth.database", false)]
    #[case::named_like_a_template("database.caSecretName", false)]
    #[case::of_nothing("unknown.key", false)]
    fn a_value_is_mentioned_or_not(#[case] path: &str, #[case] expected: bool) {
        let actions = [
            ".Values.image.tag | quote",
            "toYaml .Values.resources | nindent 4",
            "$database := .Values.database",
            "$database.secretRef.key",
            "with .Values.podSecurity",
            "toYaml . | nindent 4",
            "end",
            "with .Values.probe",
            ".port",
            "end",
            "end",
            "$marks = .Values.marks",
            "merge $marks .Values.more",
            "include \"shared.security\" (dict \"of\" .Values.job.security \"context\" $)",
            "toYaml (index .Values \"side-car\" \"resources\") | nindent 4",
            "index .Values \"side-car\" \"auth\" \"user\"",
            "define \"shop.caSecretName\"",
            "printf \"%s\" (include \"shop.caSecretName\" .)",
        ];
        let mentions: Mentions = actions.map(str::to_owned).into_iter().collect();
        assert_eq!(mentions.mention(&ValuePath::parse(path)), expected);
    }
}
