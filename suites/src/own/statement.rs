//! Statements that set the password of a role, as commands, scripts and ConfigMaps hold them.

/// Whose password a statement sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whose {
    /// That of the role of this name.
    Role(String),
    /// That of whoever stands there when it is run: a variable, a parameter, the role that is logged in.
    Open,
}

/// How far behind the name of its role a statement may say `PASSWORD`; other options may stand between.
const OPTIONS: usize = 5;

/// Names that stand for whoever is logged in.
const LOGGED_IN: &[&str] = &["CURRENT_USER", "CURRENT_ROLE", "SESSION_USER"];

/// Everybody whose password a text sets. What a comment says is not run.
pub(super) fn sets_the_password_of(text: &str) -> Vec<Whose> {
    let is_comment = |line: &&str| line.trim_start().starts_with('#') || line.trim_start().starts_with("-- ");
    let lines: Vec<&str> = text.lines().filter(|line| !is_comment(line)).collect();
    lines.join("\n").split(';').flat_map(of_statement).collect()
}

fn of_statement(statement: &str) -> Vec<Whose> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let is = |at: usize, expected: &[&str]| {
        words.get(at).is_some_and(|word| expected.iter().any(|one| word.eq_ignore_ascii_case(one)))
    };
    let begins = |at: &usize| words[*at].to_ascii_uppercase().ends_with("ALTER") && is(at + 1, &["ROLE", "USER"]);
    let of_passwords = |at: &usize| (at + 3..at + 3 + OPTIONS).any(|option| is(option, &["PASSWORD"]));
    let found = (0..words.len()).filter(begins).filter(of_passwords);
    found.filter_map(|at| words.get(at + 2).map(|role| whose(role))).collect()
}

fn whose(written: &str) -> Whose {
    let role = written.trim_matches(['"', '\'', '\\']);
    let is_letter = |one: char| one.is_alphanumeric() || matches!(one, '_' | '-' | '.' | '@');
    let stands_for_another = LOGGED_IN.iter().any(|one| role.eq_ignore_ascii_case(one));
    if role.is_empty() || stands_for_another || !role.chars().all(is_letter) {
        Whose::Open
    } else {
        Whose::Role(role.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Whose, sets_the_password_of};

    #[rstest]
    #[case::in_a_command("psql -c \"ALTER ROLE shop PASSWORD '$NEW'\"", &["shop"])]
    #[case::quoted("ALTER USER \"shop\" WITH LOGIN PASSWORD 'x';", &["shop"])]
    #[case::behind_more_blanks("alter  role  shop  with encrypted password 'x'", &["shop"])]
    #[case::two("ALTER ROLE shop PASSWORD 'x'; ALTER ROLE chat PASSWORD 'y'", &["shop", "chat"])]
    #[case::another_attribute("ALTER ROLE shop SET search_path = x", &[])]
    #[case::another_attribute_beside_it("ALTER ROLE shop LOGIN; ALTER ROLE chat PASSWORD 'y'", &["chat"])]
    #[case::a_variable("ALTER ROLE ${DB_USER} WITH PASSWORD '$NEW'", &["?"])]
    #[case::a_quoted_variable("psql -c \"ALTER USER \\\"$DB_USER\\\" PASSWORD '$NEW'\"", &["?"])]
    #[case::a_variable_of_psql("ALTER ROLE :\"role\" PASSWORD :'password';", &["?"])]
    #[case::a_parameter("EXECUTE format('ALTER ROLE %I WITH PASSWORD %L', role, new)", &["?"])]
    #[case::put_together("'ALTER ROLE ' || quote_ident(role) || ' PASSWORD '", &["?"])]
    #[case::whoever_is_logged_in("ALTER ROLE current_user PASSWORD 'x'", &["?"])]
    #[case::a_comment("# ALTER ROLE shop PASSWORD is undone\n  -- alter role shop password 'x'", &[])]
    #[case::an_option_of_a_command("psql \\\n  --command \"ALTER ROLE shop PASSWORD 'x'\"", &["shop"])]
    fn a_text_sets_passwords(#[case] text: &str, #[case] expected: &[&str]) {
        let found = sets_the_password_of(text).into_iter();
        let found = found.map(|whose| if let Whose::Role(role) = whose { role } else { "?".into() });
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}
