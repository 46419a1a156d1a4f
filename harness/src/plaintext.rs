//! Recognises credentials that stand in the open, by the names of fields and by the looks of values.
//!
//! This is about values that nobody registered: defaults of a chart, files of a package, manifests. It guesses, so it is
//! made to overlook rather than to accuse; values that are known are looked for by [`crate::redact`].

mod assigned;

pub use self::assigned::states_a_credential;

use serde_json::Value;

use crate::graph::Dsn;
use crate::helm::ValuePath;

/// Ends of names whose value is a password, whatever it looks like; `PGPASSWORD` is one word.
const PASSWORDS: &[&str] = &["password", "passwd", "passphrase", "pwd", "requirepass"];
/// Last words of names whose value is a credential if it looks random: they are names of Secrets and keys as often.
const TOKENS: &[&str] = &["token", "secret", "apikey", "key", "credential", "credentials"];
/// Words that make a field the name of a key, a Secret or a file.
const REFERENCES: &[&str] = &["key", "keys", "ref", "refs", "existing", "name", "names", "file", "files", "path"];
/// Last words of names whose value tells who or where; PostgreSQL's variables are one word, `PGHOST`.
const WHO_AND_WHERE: &[&str] =
    &["user", "username", "role", "db", "dbname", "database", "host", "hostname", "namespace"];
/// The other sslmodes are one word.
const SSL_MODES_OF_TWO_WORDS: &[&str] = &["verify-ca", "verify-full"];
/// A word of so many letters is masked all the same.
const LONG_FOR_A_WORD: usize = 12;

/// Whether a field of this name holds a password: the last word says so, `adminPassword`, `DB_PASSWORD`.
pub fn is_password_name(name: &str) -> bool {
    words(name).last().is_some_and(|last| PASSWORDS.iter().any(|end| last.ends_with(end)))
}

/// Whether the value at a path holds a password, and not the name of a Secret or key that does.
pub fn is_password_path(path: &ValuePath) -> bool {
    let text = path.to_string();
    let (parents, leaf) = text.rsplit_once('.').unwrap_or(("", &text));
    is_password_name(leaf) && !words(parents).iter().chain(&words(leaf)).any(|word| REFERENCES.contains(&&**word))
}

/// Whether a named value is a credential: a password that is stated, or a token that looks random.
pub fn is_credential(name: &str, value: &str) -> bool {
    if is_password_name(name) {
        return is_stated(value);
    }
    words(name).last().is_some_and(|last| TOKENS.contains(&last.as_str())) && is_stated(value) && looks_random(value)
}

/// Whether a value is itself something, and neither empty, nor a switch, nor a reference to what is elsewhere.
pub fn is_stated(value: &str) -> bool {
    let value = value.trim();
    let is_switch = ["true", "false", "yes", "no", "on", "off", "null", "0", "1"].contains(&&*value.to_lowercase());
    let starts = ["$", "<", "/", "%", "@", "vault:", "ref+", "op://", "arn:", "ENC[", "env:", "file:", "secret:"];
    let holds = ["{{", "${", "$("];
    !value.is_empty()
        && !is_switch
        && !starts.iter().any(|start| value.starts_with(start))
        && !holds.iter().any(|part| value.contains(part))
        && !value.chars().all(|character| matches!(character, '*' | 'x' | 'X' | '.' | '-' | '_'))
}

/// Whether a value is a short word in small letters, which is part of too many other words to be masked or looked for.
pub fn is_word(value: &str) -> bool {
    value.len() < LONG_FOR_A_WORD && value.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Whether a value that has no telling name is a word however it is written, as settings are, or an sslmode.
pub fn is_setting(value: &str) -> bool {
    let rest = value.get(1..).unwrap_or_default();
    let lower = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase());
    let letters = value.bytes().all(|byte| byte.is_ascii_alphabetic());
    let one_case = lower(rest) || value.bytes().all(|byte| byte.is_ascii_uppercase());
    value.len() < LONG_FOR_A_WORD && letters && one_case || SSL_MODES_OF_TWO_WORDS.contains(&value)
}

/// Whether a field of this name tells who or where, and its value is such a name: `POSTGRES_DB`, `PGUSER`, `host`.
pub fn is_name(name: &str, value: &str) -> bool {
    let of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    let last = words(name).pop().unwrap_or_default();
    let tells = WHO_AND_WHERE.contains(&last.strip_prefix("pg").unwrap_or(&last));
    tells && value.starts_with(|first: char| first.is_ascii_lowercase()) && value.bytes().all(of_name) && {
        !looks_random(value)
    }
}

/// Whether a value looks as if a machine made it.
pub fn looks_random(value: &str) -> bool {
    let length = value.chars().count();
    if length < 16 || value.chars().any(char::is_whitespace) || value.contains("://") {
        return false;
    }
    let has = |test: fn(char) -> bool| usize::from(value.chars().any(test));
    let classes = has(|character| character.is_ascii_lowercase())
        + has(|character| character.is_ascii_uppercase())
        + has(|character| character.is_ascii_digit());
    let hexadecimal = length >= 32 && value.chars().all(|character| character.is_ascii_hexdigit());
    // Names change case at the beginning of words, which is at every third letter at the most; chance changes it at two
    // of three.
    let pairs = value.as_bytes().windows(2);
    let kind = |byte: u8| (byte.is_ascii_lowercase(), byte.is_ascii_uppercase(), byte.is_ascii_digit());
    let changes = pairs.filter(|pair| kind(pair[0]) != kind(pair[1])).count();
    hexadecimal || classes == 3 && changes * 5 > length * 2
}

/// The passwords that the URLs of a text state, `scheme://user:password@host`.
fn passwords_in_urls(text: &str) -> impl Iterator<Item = &str> {
    let separators = text.match_indices("://");
    separators.filter_map(|(at, separator)| password_of_url(&text[..at], &text[at + separator.len()..]))
}

fn password_of_url<'a>(before: &str, rest: &'a str) -> Option<&'a str> {
    let of_scheme = |character: char| character.is_ascii_alphanumeric() || "+-.".contains(character);
    if !before.ends_with(of_scheme) {
        return None;
    }
    let ends = |character: char| character.is_whitespace() || "/\"'?#`<>".contains(character);
    let authority = rest.split(ends).next()?;
    let (user_information, _) = authority.rsplit_once('@')?;
    let (_, password) = user_information.split_once(':')?;
    is_written_out(password).then_some(password)
}

/// Whether the password of a URL is one: `{password}` and `PASSWORD` are there for a program or for people to put one in.
fn is_written_out(password: &str) -> bool {
    let of_variable = |character: char| character.is_ascii_uppercase() || character == '_';
    let is_gap = password.starts_with(['{', '[']) || password.chars().all(of_variable) && is_password_name(password);
    is_stated(password) && !is_gap
}

/// Whether a text is a connection string of PostgreSQL that states a password, however it is written.
fn states_a_password(text: &str) -> bool {
    Dsn::parse_str(text).is_some_and(|dsn| dsn.passwords().any(is_written_out))
}

/// Whether a text holds a private key, and not only the frame of one.
pub fn holds_private_key(text: &str) -> bool {
    let Some((_, after)) = text.split_once("PRIVATE KEY-----") else { return false };
    let body = after.split("-----").next().unwrap_or_default();
    let of_key = |character: &char| character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '=');
    let packed = body.replace("\\n", "").chars().filter(|character| !character.is_whitespace()).collect::<String>();
    packed.len() >= 64 && packed.chars().all(|character| of_key(&character))
}

/// The fields of a value that hold a credential, by their paths. Annotations have names that look like anything.
pub fn fields(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect("", "", value, &mut found);
    found
}

fn collect(path: &str, name: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            // A variable of a container is a name and a value side by side.
            let variable = map.get("name").and_then(Value::as_str).filter(|_| map.get("value").is_some());
            for (key, value) in map {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{}", key.replace('.', "\\.")) };
                let name = match (key.as_str(), variable) {
                    ("annotations" | "labels" | "encryptedData", _) => "",
                    ("value", Some(variable)) => variable,
                    _ if name.is_empty() && (path.ends_with("annotations") || path.ends_with("encryptedData")) => "",
                    _ => key,
                };
                collect(&below, name, value, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let option = index.checked_sub(1).and_then(|before| items[before].as_str());
                let option = option.and_then(|option| option.strip_prefix("--")).unwrap_or_default();
                collect(&format!("{path}[{index}]"), option, item, found);
            }
        }
        Value::String(text) => {
            let named = is_credential(name, text);
            let option = text.strip_prefix("--").and_then(|rest| rest.split_once('='));
            let option = option.is_some_and(|(name, value)| is_credential(name, value));
            let within = if text.trim_end().contains('\n') {
                states_a_credential(name, text)
            } else {
                passwords_in_urls(text).next().is_some()
            };
            if named || option || within || states_a_password(text) || holds_private_key(text) {
                found.push(path.to_owned());
            }
        }
        _ => {}
    }
}

/// The lines of a text that hold a credential, from 1. Only what looks random counts: prose is full of examples.
pub fn lines(text: &str) -> Vec<usize> {
    let hits = text.lines().enumerate().filter(|(_, line)| is_random_assignment(line) || has_random_url(line));
    let mut found: Vec<usize> = hits.map(|(index, _)| index + 1).collect();
    if holds_private_key(text) {
        found.extend(text.lines().position(|line| line.contains("PRIVATE KEY-----")).map(|index| index + 1));
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn has_random_url(line: &str) -> bool {
    passwords_in_urls(line).any(looks_random)
}

fn is_random_assignment(line: &str) -> bool {
    let bare = |text: &str| text.trim().trim_matches(['"', '\'', ',', '`']).to_owned();
    let separators = line.match_indices([':', '=']).map(|(at, _)| at);
    separators.into_iter().any(|at| {
        let name = bare(line[..at].rsplit(' ').next().unwrap_or_default());
        let value = bare(&line[at + 1..]);
        !name.is_empty() && looks_random(&value) && is_credential(&name, &value)
    })
}

/// The words of a name, in lower case: `dbPassword`, `DB_PASSWORD` and `db-password` are `db`, `password`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for character in name.chars() {
        if !character.is_ascii_alphanumeric() {
            before = ' ';
            continue;
        }
        let begins = !before.is_ascii_alphanumeric() || character.is_ascii_uppercase() && before.is_ascii_lowercase();
        match words.last_mut() {
            Some(word) if !begins => word.push(character.to_ascii_lowercase()),
            _ => words.push(character.to_ascii_lowercase().to_string()),
        }
        before = character;
    }
    words
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::{fields, holds_private_key, is_credential, is_password_path, lines};
    use crate::helm::ValuePath;

    #[rstest]
    #[case::plain("auth.password", true)]
    #[case::camel_case("postgresql.auth.postgresPassword", true)]
    #[case::name_of_a_key("auth.secretKeys.adminPassword", false)]
    #[case::key("auth.passwordKey", false)]
    #[case::name_of_a_secret("auth.existingSecretPassword", false)]
    #[case::setting("auth.passwordEncryption", false)]
    fn a_password_is_told_from_the_name_of_one(#[case] path: &str, #[case] expected: bool) {
        assert_eq!(is_password_path(&ValuePath::parse(path)), expected);
    }

    #[rstest]
    #[case::known_default("DB_PASSWORD", "dbpassword", true)]
    #[case::switch("ALLOW_EMPTY_PASSWORD", "yes", false)]
    #[case::from_a_variable("DB_PASSWORD", "$(PASSWORD)", false)]
    #[case::template("password", "{{ .password }}", false)]
    #[case::file("PASSWORD_FILE", "/run/secrets/password", false)]
    #[case::name_of_a_secret("existingSecret", "platform-db-credentials", false)]
    #[case::random_token("apiToken", "tR8vQm2ZpX4nLw7KdY9c", true)]
    #[case::words("clientSecret", "MyApplicationClientSecretName2", false)]
    fn a_credential_is_stated_or_looks_random(#[case] name: &str, #[case] value: &str, #[case] expected: bool) {
        assert_eq!(is_credential(name, value), expected);
    }

    #[test]
    fn fields_of_manifests_are_found_and_references_are_not() {
        let object = json!({
            "metadata": {"annotations": {"vault.example.org/secret-password": "database"}},
            "data": {
                "DB_PASSWORD": "hunter2",
                "HOST": "db",
                "app.ini": "[database]\nHOST = db:5432\nPASSWD = dbpassword\n",
                "other.ini": "[database]\nHOST = db:5432\nPASSWD = ${DB_PASSWORD}\n"
            },
            "spec": {
                "env": [
                    {"name": "PGPASSWORD", "value": "hunter2"},
                    {"name": "PGPASSWORD", "valueFrom": {"secretKeyRef": {"name": "a", "key": "password"}}},
                    {"name": "URL", "value": "redis://:hunter2@cache:6379"},
                    {"name": "OPEN", "value": "postgresql://app:$(PGPASSWORD)@db/app"},
                    {"name": "DSN", "value": "host=db user=app password=hunter2 dbname=app"},
                    {"name": "DSN", "value": "host=db user=app password=$(PGPASSWORD)"},
                    {"name": "JDBC", "value": "jdbc:postgresql://db/app?user=app&password=hunter2"},
                    {"name": "URLS", "value": "https://example.org postgres://app:hunter2@db/app"}
                ],
                "args": ["--admin-password=hunter2", "--password", "hunter2", "--password-file=/a"],
                "data": [{"secretKey": "password", "remoteRef": {"key": "redis", "property": "password"}}],
                "encryptedData": {"password": "AgBy3i4OJSWK+PiTySYZZA9rO43cGDEq"}
            }
        });
        assert_eq!(
            fields(&object),
            [
                "data.DB_PASSWORD",
                "data.app\\.ini",
                "spec.env[0].value",
                "spec.env[2].value",
                "spec.env[4].value",
                "spec.env[6].value",
                "spec.env[7].value",
                "spec.args[0]",
                "spec.args[2]"
            ]
        );
    }

    #[test]
    fn lines_of_prose_need_more_than_a_name() {
        let text = "auth.password: the password\nhelm install --set auth.password=secretpassword\n\
                    password: tR8vQm2ZpX4nLw7KdY9c\nuri: postgresql://app:tR8vQm2ZpX4nLw7KdY9c@db/app\n\
                    postgres://user:password@host\ndigest: sha256:8f4d2c6a1b7e903d5c48f6e2a09b71d3\n";
        assert_eq!(lines(text), [3, 4]);
    }

    #[rstest]
    #[case::frame("-----BEGIN PRIVATE KEY-----\n(the key)\n-----END PRIVATE KEY-----", false)]
    #[case::mention("a PEM file that begins with BEGIN RSA PRIVATE KEY-----", false)]
    fn the_frame_of_a_private_key_is_none(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(holds_private_key(text), expected);
    }

    #[test]
    fn the_body_of_a_private_key_is_one() {
        let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC".repeat(4);
        assert!(holds_private_key(&format!("-----BEGIN PRIVATE KEY-----\n  {body}\n-----END PRIVATE KEY-----")));
    }
}
