//! `.helmignore`: which files of a folder are no part of the chart.
//!
//! Patterns are those of Go's `filepath.Match`, as Helm has them: `*`, `?` and `[...]` never cross a slash, there is no
//! `**`, a leading `!` takes back, a trailing slash means a folder.

/// The rules of one `.helmignore`.
#[derive(Debug, Clone, Default)]
pub(super) struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    pattern: String,
    negated: bool,
    folders_only: bool,
    rooted: bool,
}

impl Ignore {
    pub(super) fn parse(text: &str) -> Self {
        let rules = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
            let (negated, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
            let (folders_only, line) = line.strip_suffix('/').map_or((false, line), |rest| (true, rest));
            // A slash anywhere binds the pattern to the chart's root.
            let rooted = line.contains('/');
            Rule { pattern: line.trim_start_matches('/').to_owned(), negated, folders_only, rooted }
        });
        Self { rules: rules.collect() }
    }

    /// Whether a path, relative to the chart, is left out.
    pub(super) fn leaves_out(&self, path: &str, is_folder: bool) -> bool {
        // Helm always leaves out hidden files in `templates`.
        if path.starts_with("templates/.") {
            return true;
        }
        let mut out = false;
        for rule in &self.rules {
            if rule.folders_only && !is_folder {
                continue;
            }
            let subject = if rule.rooted { path } else { path.rsplit('/').next().unwrap_or(path) };
            if matches(rule.pattern.as_bytes(), subject.as_bytes()) {
                out = !rule.negated;
            }
        }
        out
    }
}

fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(b'*'), _) => {
            matches(&pattern[1..], text)
                || text.first().is_some_and(|byte| *byte != b'/' && matches(pattern, &text[1..]))
        }
        (Some(b'?'), Some(byte)) => *byte != b'/' && matches(&pattern[1..], &text[1..]),
        (Some(b'['), Some(byte)) => {
            let Some(end) = pattern.iter().position(|end| *end == b']') else { return false };
            let (inverted, class) = match pattern[1..end].strip_prefix(b"^") {
                Some(class) => (true, class),
                None => (false, &pattern[1..end]),
            };
            let in_class = class.windows(3).any(|range| range[1] == b'-' && (range[0]..=range[2]).contains(byte))
                || class.contains(byte);
            in_class != inverted && matches(&pattern[end + 1..], &text[1..])
        }
        (Some(b'\\'), Some(byte)) => pattern.get(1) == Some(byte) && matches(&pattern[2..], &text[1..]),
        (Some(wanted), Some(byte)) => wanted == byte && matches(&pattern[1..], &text[1..]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Ignore;

    const RULES: &str = "# comment\n.git/\n*.bak\n/docs/*.md\n!docs/keep.md\nci/\n[ab].txt\n";

    #[rstest]
    #[case::folder(".git", true, true)]
    #[case::folder_rule_on_a_file(".git", false, false)]
    #[case::base_name_anywhere("templates/old.bak", false, true)]
    #[case::rooted("docs/a.md", false, true)]
    #[case::taken_back("docs/keep.md", false, false)]
    #[case::star_stays_within_a_folder("docs/deep/a.md", false, false)]
    #[case::class("x/b.txt", false, true)]
    #[case::hidden_template("templates/.swp", false, true)]
    #[case::other("values.yaml", false, false)]
    fn a_path_is_left_out_as_helm_does(#[case] path: &str, #[case] is_folder: bool, #[case] out: bool) {
        assert_eq!(Ignore::parse(RULES).leaves_out(path, is_folder), out);
    }
}
