//! What Helm says when it does not render a chart.

use std::fmt;

/// Helm did not render the chart with these values, and said why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its exit code.
    pub exit_code: i32,
    /// What it said, without what it says every time.
    pub message: String,
}

/// What kind of refusal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// A template called `fail` or `required`: somebody thought of this.
    Guard,
    /// The chart's JSON Schema of values rejects it: somebody thought of this.
    Schema,
    /// A template does not parse, or fell over a value that it did not expect.
    Template,
    /// A template rendered something that is no YAML.
    Yaml,
    /// Anything else.
    Other,
}

impl Refusal {
    pub(super) fn new(exit_code: i32, stderr: &str) -> Self {
        let spoken = stderr
            .lines()
            // Helm reports what templates log, and every refusal ends with the same advice.
            .filter(|line| !line.starts_with("Use --debug flag") && !line.contains("[INFO]"))
            .filter(|line| !line.starts_with("level=") && !line.starts_with("WARNING:"))
            .collect::<Vec<_>>()
            .join("\n");
        let message = spoken.trim();
        Self { exit_code, message: message.strip_prefix("Error: ").unwrap_or(message).to_owned() }
    }

    /// What kind of refusal it is.
    pub fn kind(&self) -> RefusalKind {
        if self.message.contains("values don't meet the specifications of the schema") {
            RefusalKind::Schema
        } else if self.message.contains("YAML parse error") || self.message.contains("error converting YAML") {
            RefusalKind::Yaml
        } else if self.message.contains("nil pointer") || self.message.contains("wrong type for value") {
            RefusalKind::Template
        } else if self.message.starts_with("execution error at") {
            RefusalKind::Guard
        } else if self.message.starts_with("parse error") || self.message.contains("executing \"") {
            RefusalKind::Template
        } else {
            RefusalKind::Other
        }
    }

    /// Whether somebody thought of it: a guard in a template, or the schema of values.
    pub fn is_deliberate(&self) -> bool {
        matches!(self.kind(), RefusalKind::Guard | RefusalKind::Schema)
    }

    /// Whether the message names a value, given by its dotted path.
    ///
    /// A schema names it as a JSON pointer, `/database/caSecret/key`; missing properties by their last part.
    pub fn names(&self, path: &str) -> bool {
        if self.message.contains(path) {
            return true;
        }
        let pointer = format!("/{}", path.replace('.', "/"));
        if self.message.contains(&pointer) {
            return true;
        }
        let (parent, last) = path.rsplit_once('.').unwrap_or(("", path));
        let parent_named = parent.is_empty()
            || self.message.contains(parent)
            || self.message.contains(&format!("/{}", parent.replace('.', "/")));
        self.kind() == RefusalKind::Schema && parent_named && self.message.contains(last)
    }

    /// The template and line that refused, `agents/templates/deployment.yaml` and 12.
    pub fn template(&self) -> Option<(&str, u64)> {
        let at = self.message.find("/templates/")?;
        let start = self.message[..at].rfind(['(', ' ', '"', '\n']).map_or(0, |before| before + 1);
        let rest = &self.message[start..];
        let end = rest.find([')', ' ', '"', '\n'])?;
        let mut parts = rest[..end].split(':');
        let template = parts.next()?;
        let line = parts.next().and_then(|line| line.parse().ok())?;
        Some((template, line))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Refusal, RefusalKind};

    const GUARD: &str = "engine.go:227: [INFO] Fail: key\nError: execution error at (demo/templates/g.yaml:1:26): database.caSecret.key is required\n\nUse --debug flag to render out invalid YAML\n";
    const SCHEMA: &str = "Error: values don't meet the specifications of the schema(s) in the following chart(s):\ndemo:\n- at '/database/caSecret/key': minLength: got 0, want 1\n";
    const NIL_3: &str = "Error: template: demo/templates/g.yaml:3:32: executing \"demo/templates/g.yaml\" at <.Values.no.such.thing>: nil pointer evaluating interface {}.such\n";
    const NIL_4: &str = "Error: demo/templates/g.yaml:3:32\n  executing \"demo/templates/g.yaml\" at <.Values.no.such.thing>:\n    nil pointer evaluating interface {}.such\n";
    const YAML: &str = "Error: YAML parse error on demo/templates/g.yaml: error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context\n";
    const PARSE: &str = "Error: parse error at (demo/templates/serviceaccount.yaml:13): unexpected {{end}}\n";

    #[rstest]
    #[case::guard(GUARD, RefusalKind::Guard, Some(("demo/templates/g.yaml", 1)))]
    #[case::schema(SCHEMA, RefusalKind::Schema, None)]
    #[case::nil_pointer_of_helm_3(NIL_3, RefusalKind::Template, Some(("demo/templates/g.yaml", 3)))]
    #[case::nil_pointer_of_helm_4(NIL_4, RefusalKind::Template, Some(("demo/templates/g.yaml", 3)))]
    #[case::yaml(YAML, RefusalKind::Yaml, None)]
    #[case::parse(PARSE, RefusalKind::Template, Some(("demo/templates/serviceaccount.yaml", 13)))]
    fn a_refusal_tells_its_kind_and_place(
        #[case] stderr: &str,
        #[case] kind: RefusalKind,
        #[case] template: Option<(&str, u64)>,
    ) {
        let refusal = Refusal::new(1, stderr);
        assert_eq!((refusal.kind(), refusal.template()), (kind, template));
    }

    #[test]
    fn the_message_is_what_the_chart_said() {
        assert_eq!(
            Refusal::new(1, GUARD).message,
            "execution error at (demo/templates/g.yaml:1:26): database.caSecret.key is required"
        );
    }

    #[rstest]
    #[case::a_guard(GUARD, "database.caSecret.key", true)]
    #[case::a_pointer(SCHEMA, "database.caSecret.key", true)]
    #[case::another_value(GUARD, "database.secretRef.name", false)]
    fn a_value_is_named_by_path_or_pointer(#[case] stderr: &str, #[case] path: &str, #[case] named: bool) {
        assert_eq!(Refusal::new(1, stderr).names(path), named);
    }
}
