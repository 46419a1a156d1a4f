//! Credentials in files of settings, line by line: `PASSWD = dbpassword` of an INI file that a ConfigMap holds.
//!
//! What gives a name a value on one line is read, as INI, properties, TOML, YAML, JSON, PHP and shells write it. None of
//! these is parsed, and such lines stand in programs, translations and schemas too: a value counts only where it can
//! hardly be anything but itself.

use super::{REFERENCES, is_credential, is_password_name, looks_random, passwords_in_urls, states_a_password, words};

/// How a line begins that nobody but people reads.
const COMMENTS: &[&str] = &["#", ";", "//", "/*", "*", "<!--", "-- ", "!"];
/// What stands before a name where a variable or a constant is made.
const DECLARATIONS: &[&str] = &["- ", "export ", "declare ", "local ", "readonly ", "set ", "const ", "let ", "var "];
/// How values begin that are made elsewhere, or that are only the beginning of one.
const NOT_WRITTEN_OUT: &[char] = &['!', '&', '*', '|', '>', '[', '{', '(', '`', '\\', '"', '\'', ','];
/// What values of languages have, and words have not.
const OF_AN_EXPRESSION: &[char] = &['(', ')', '[', ']', '{', '}', '<', '>', '`', '\\', '|', '"', '\''];
/// Ends of the names of files in which a word without quotes is the name of something.
const PROGRAMS: &[&str] =
    &["py", "js", "mjs", "cjs", "ts", "rb", "go", "java", "kt", "scala", "groovy", "lua", "pl", "ps1", "php", "sql"];
/// Words of the names of files with what people read in their languages.
const TRANSLATIONS: &[&str] =
    &["messages", "locale", "locales", "lang", "language", "i18n", "l10n", "translation", "translations"];
/// Words that say what is done with a password, or of what make it is: the value is a switch, a text or a cipher.
const ABOUT_PASSWORDS: &[&str] = &[
    "reset",
    "forgot",
    "forgotten",
    "change",
    "confirm",
    "require",
    "requires",
    "required",
    "allow",
    "allows",
    "enable",
    "disable",
    "generate",
    "random",
    "invalid",
    "wrong",
    "missing",
    "expired",
    "show",
    "hide",
    "validate",
    "verify",
    "store",
    "save",
    "prompt",
    "ask",
    "check",
    "encrypt",
    "encrypted",
    "hash",
    "hashed",
    "sealed",
    "no",
    "without",
];
/// Words of sections whose values are names of fields, or texts.
const OF_NAMES: &[&str] = &["columns", "fields", "labels", "messages", "translations"];
/// Words that say of which type a value is, or how it is come by.
const TYPES: &[&str] = &[
    "string",
    "str",
    "text",
    "varchar",
    "bytes",
    "binary",
    "number",
    "integer",
    "boolean",
    "object",
    "required",
    "optional",
    "enabled",
    "disabled",
    "hidden",
    "masked",
    "redacted",
    "none",
    "nil",
    "undefined",
    "default",
    "auto",
    "prompt",
    "ask",
    "never",
    "always",
];
/// Words of the names of keys that everybody may have.
const PUBLIC: &[&str] = &["public", "publishable", "site"];
/// Units of time.
const UNITS: &[&str] = &["", "ms", "s", "sec", "m", "min", "h", "d", "days"];

/// Whether a text of several lines states a credential in one of them; `file` is the key or the field that holds it, and
/// empty for what a command runs.
pub fn states_a_credential(file: &str, text: &str) -> bool {
    if words(file).iter().any(|word| TRANSLATIONS.contains(&word.as_str())) {
        return false;
    }
    // The names that a line is indented below.
    let mut sections: Vec<(usize, &str)> = Vec::new();
    let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !is_comment(line));
    lines.any(|line| {
        let depth = line.len() - line.trim_start().len();
        sections.retain(|(above, _)| *above < depth);
        let Some(assigned) = Assigned::read(line) else { return passwords_in_urls(line).next().is_some() };
        if assigned.begins_a_section() {
            sections.push((depth, assigned.name));
        }
        let names = || sections.iter().flat_map(|(_, name)| words(name));
        let is_about_names = names().any(|word| REFERENCES.contains(&&*word) || OF_NAMES.contains(&&*word));
        passwords_in_urls(line).next().is_some() || !is_about_names && assigned.is_a_credential(file)
    })
}

fn is_comment(line: &str) -> bool {
    COMMENTS.iter().any(|mark| line.trim_start().starts_with(mark))
}

/// A name and what a line gives it.
struct Assigned<'a> {
    name: &'a str,
    /// What follows the sign, as it is written.
    written: &'a str,
    /// Whether nothing but a shell would write it so: no blanks around the sign.
    is_tight: bool,
}

impl<'a> Assigned<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let declared =
            |line: &'a str| DECLARATIONS.iter().find_map(|word| line.strip_prefix(word)).map(str::trim_start);
        let mut line = line.trim();
        while let Some(rest) = declared(line) {
            line = rest;
        }
        // `define('DB_PASSWORD', 'x');`
        let constant = line.strip_prefix("define(");
        let (name, written) = match constant {
            Some(both) => both.split_once(',')?,
            None => line.split_once(['=', ':'])?,
        };
        let is_tight = !name.ends_with(char::is_whitespace) && !written.starts_with(char::is_whitespace);
        let name = name.trim();
        let of_name = |one: char| one.is_ascii_alphanumeric() || "_.-$[]'\"".contains(one);
        let is_name = name.chars().all(of_name) && name.contains(|one: char| one.is_ascii_alphabetic());
        // `=>` and `:=` are one sign.
        let written = written.strip_prefix(['>', '=']).unwrap_or(written).trim();
        is_name.then_some(Self { name, written, is_tight: is_tight && constant.is_none() })
    }

    /// Whether what it gives stands on the lines below.
    fn begins_a_section(&self) -> bool {
        self.written.is_empty() || self.written.ends_with(['{', '[', '('])
    }

    fn is_a_credential(&self, file: &str) -> bool {
        let quoted = quoted(self.written);
        let Some(value) = quoted.or_else(|| word(self.written)) else {
            // A connection string may have blanks.
            return states_a_password(self.written);
        };
        if states_a_password(value) {
            return true;
        }
        let is_itself = match quoted {
            Some(_) => !is_duration(value) || is_number(value),
            None => !self.is_a_name_of_something(value, file) && !is_duration(value),
        };
        is_itself && self.is_telling(value) && is_credential(self.name, value)
    }

    /// Whether a word without quotes may be the name of a variable.
    fn is_a_name_of_something(&self, value: &str, file: &str) -> bool {
        let is_program = file.rsplit_once('.').is_some_and(|(_, end)| PROGRAMS.contains(&end));
        let repeats = words(self.name).last().is_some_and(|last| *last == value.to_ascii_lowercase());
        is_program || repeats || file.is_empty() && !self.is_tight
    }

    /// Whether name and value together leave no other meaning.
    fn is_telling(&self, value: &str) -> bool {
        let words = words(self.name);
        let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
        let is_of_passwords = is_password_name(self.name) && (has(ABOUT_PASSWORDS) || has(REFERENCES));
        !is_of_passwords && !has(PUBLIC) && !is_elsewhere(value) && !is_a_text(value)
    }
}

/// What stands between quotes, if nothing else follows them.
fn quoted(written: &str) -> Option<&str> {
    let quote = written.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let (value, rest) = written[1..].split_once(quote)?;
    let rest = rest.trim_start_matches([',', ';', ')', ']', '}', ' ', '\t']);
    (!value.is_empty() && (rest.is_empty() || is_comment(rest))).then_some(value)
}

/// A single word without quotes, and without the comment behind it.
fn word(written: &str) -> Option<&str> {
    let comments = [" #", "\t#", " ;", "\t;", " //"];
    let end = comments.iter().filter_map(|mark| written.find(mark)).min().unwrap_or(written.len());
    let value = written[..end].trim_end().trim_end_matches(" \\");
    let is_word = !value.contains(char::is_whitespace) && value.contains(|one: char| one.is_ascii_alphanumeric());
    let is_written_out = !value.starts_with(NOT_WRITTEN_OUT) && !value.ends_with([',', ';']);
    (is_word && is_written_out && !value.contains(OF_AN_EXPRESSION)).then_some(value)
}

/// Whether a value says where another one is: a variable, a file, a part of an object, an address.
fn is_elsewhere(value: &str) -> bool {
    let of_variable = |one: char| one.is_ascii_uppercase() || one.is_ascii_digit() || one == '_';
    let is_variable = value.chars().all(of_variable) && is_password_name(value);
    let is_placeholder = value.starts_with("__") && value.ends_with("__");
    let is_file = ["./", "../", "~/"].iter().any(|start| value.starts_with(start))
        || value.rsplit_once('/').is_some_and(|(_, last)| last.contains('.'));
    let is_identifier = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && part.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '_' | '-'))
    };
    let is_path = value.contains('.') && value.split('.').all(is_identifier) && !looks_random(value);
    is_variable || is_placeholder || is_file || is_path || value.contains("://")
}

/// Whether a value is something to read: the word for a password in a form, the name of a type, a sentence.
fn is_a_text(value: &str) -> bool {
    let mut letters = value.chars();
    let is_capitalised = letters.next().is_some_and(char::is_uppercase) && letters.all(char::is_lowercase);
    let is_foreign = value.chars().any(|one| one.is_alphabetic() && !one.is_ascii());
    let is_type = TYPES.contains(&value.to_ascii_lowercase().as_str());
    is_capitalised || is_foreign || is_type || value.contains(char::is_whitespace)
}

fn is_number(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a value is a number, or a time.
fn is_duration(value: &str) -> bool {
    let unit = value.trim_start_matches(|one: char| one.is_ascii_digit());
    unit.len() < value.len() && UNITS.contains(&unit)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::states_a_credential;

    #[rstest]
    #[case::ini("app.ini", "[database]\nHOST = db:5432\nPASSWD = dbpassword\n")]
    #[case::ini_with_a_comment_behind("app.conf", "[database]\npassword = hunter2 ; of the role app\n")]
    #[case::properties(
        "application.properties",
        "spring.datasource.username=app\nspring.datasource.password=hunter2\n"
    )]
    #[case::a_file_of_variables(".env", "DB_HOST=db\nexport DB_PASSWORD='hunter2'\n")]
    #[case::toml("config.toml", "[database]\nuser = \"app\"\npassword = \"hunter2\" # changed by hand\n")]
    #[case::yaml("config.yaml", "database:\n  user: app\n  password: hunter2\n")]
    #[case::yaml_in_a_list("config.yaml", "users:\n  - name: app\n  - password: \"123456\"\n")]
    #[case::json(
        "config.json",
        "{\n  \"database\": {\n    \"user\": \"app\",\n    \"password\": \"hunter2\"\n  }\n}\n"
    )]
    #[case::a_constant_of_php(
        "wp-config.php",
        "<?php\ndefine( 'DB_USER', 'app' );\ndefine( 'DB_PASSWORD', 'hunter2' );\n"
    )]
    #[case::an_array_of_php(
        "config.php",
        "<?php\n$CONFIG = array(\n  'dbuser' => 'app',\n  'dbpassword' => 'hunter2',\n);\n"
    )]
    #[case::a_variable_of_php("config.php", "<?php\n$db['default']['password'] = 'hunter2';\n")]
    #[case::settings_of_python(
        "settings.py",
        "DATABASES = {\n    'default': {\n        'PASSWORD': 'hunter2',\n    }\n}\n"
    )]
    #[case::a_variable_of_a_shell("", "set -eu\nexport PGPASSWORD=hunter2\npsql -f /sql/up.sql\n")]
    #[case::an_option("redis.args", "--port=6379\n--requirepass=hunter2\n")]
    #[case::a_random_key("app.ini", "[security]\nSECRET_KEY = SW2YcwTIb9zpOOhoPsMm\n")]
    #[case::a_second_url("app.ini", "ROOT_URL=https://git.example.org/\nDB = postgres://app:hunter2@db/app\n")]
    #[case::a_url_of_two("app.ini", "URLS = https://x.example.org amqp://app:hunter2@queue\n\n")]
    #[case::a_connection_string("app.ini", "[db]\ndsn = \"host=db user=app password=hunter2 dbname=app\"\n")]
    fn a_credential_stands_in(#[case] file: &str, #[case] text: &str) {
        assert!(states_a_credential(file, text), "{text}");
    }

    #[rstest]
    #[case::other_settings(
        "app.ini",
        "PASSWORD_FILE = /run/secrets/db\nPASSWORD_MIN_LENGTH = 12\npassword_policy = strict\npassword_hash = argon2\npassword_encryption=scram-sha-256\n"
    )]
    #[case::validators_of_python(
        "settings.py",
        "AUTH_PASSWORD_VALIDATORS = [\n    {'NAME': 'django.contrib.auth.password_validation.MinimumLengthValidator'},\n]\n"
    )]
    #[case::code_of_python(
        "settings.py",
        "PASSWORD = os.environ['DB_PASSWORD']\n'PASSWORD': env('DB_PASSWORD'),\nself.password = password\npassword = db_password\nconnect(\n    password=pwd\n)\n"
    )]
    #[case::code_of_php(
        "config.php",
        "<?php\n'password' => env('DB_PASSWORD', ''),\n'dbpassword' => getenv('DB_PASSWORD'),\n$db['password'] = $_ENV['DB_PASSWORD'];\ndefine('DB_PASSWORD', getenv('DB_PASSWORD'));\n"
    )]
    #[case::code_of_javascript(
        "config.js",
        "module.exports = {\n  password: process.env.DB_PASSWORD,\n  other: { password },\n  password: dbPassword\n}\n"
    )]
    #[case::a_script(
        "",
        "password=$(cat /run/db/password)\nPASSWORD=\"${DB_PASSWORD:-}\"\nlocal password=$1\n[ -n \"$PASSWORD\" ] || exit 1\necho \"password: none\"\nkubectl create secret generic db --from-literal=password=\"$PASSWORD\"\n"
    )]
    #[case::references(
        "app.ini",
        "password = ${DB_PASSWORD}\npasswd = $__file{/run/db/password}\nadmin_password = %(ADMIN)s\nuser_password = $(PASSWORD)\ntoken = {{ token }}\nroot_password = <%= password %>\ndb_password = env:DB_PASSWORD\ndb_password = DB_PASSWORD\ndb_password = __DB_PASSWORD__\n"
    )]
    #[case::references_of_yaml(
        "config.yaml",
        "password: !env DB_PASSWORD\npassword: *shared\npassword: |\n  {{ password }}\npassword: \"{{ .password }}\"\npassword: [a, b]\npassword: ${DB_PASSWORD}\npassword: vault:secret/data/db#password\n"
    )]
    #[case::nothing(
        "app.ini",
        "password =\npassword = \"\"\npassword = ''\npassword = none\npassword = ****\npassword: null\npassword = false\n"
    )]
    #[case::times("app.yaml", "reset_password: 3600\npassword: 30s\nPASSWORD = 86400\n\"forgot-password\": \"15m\"\n")]
    #[case::files("app.yaml", "password: /run/db/password\npassword: ./password\npassword: secrets/db.txt\n")]
    #[case::names_of_keys(
        "values.yaml",
        "auth:\n  existingSecret: db\n  secretKeys:\n    adminPassword: postgres-password\n"
    )]
    #[case::names_of_keys_in_json("a.json", "{\n  \"keys\": {\n    \"password\": \"db-password\"\n  }\n}\n")]
    #[case::comments(
        "app.ini",
        "# password = hunter2\n; passwd = hunter2\n  // password: hunter2\n# postgres://app:hunter2@db/app\n-- password: hunter2\n"
    )]
    #[case::a_schema(
        "schema.yaml",
        "properties:\n  password: {type: string}\n  user:\n    type: string\npassword: string\n"
    )]
    #[case::what_people_read(
        "en.json",
        "{\n  \"password\": \"Password\",\n  \"newPassword\": \"Neues Passwort\",\n  \"password\": \"Contraseña\"\n}\n"
    )]
    #[case::what_people_read_by_its_name("messages_nl.properties", "password=wachtwoord\nlogin=aanmelden\n")]
    #[case::switches(
        "app.yaml",
        "requirePassword: strict\nallow_empty_password: maybe\nencrypted_password: q8Zt4hVb9KxWm2LrPd8sYnC3\n"
    )]
    #[case::a_public_key(
        "wg0.conf",
        "[Peer]\nPublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\nAllowedIPs = 10.0.0.2/32\n"
    )]
    #[case::prose(
        "README.md",
        "Password: the one of the role.\npassword: see the Secret\nThe password = what you chose\n"
    )]
    #[case::rules_of_the_server("pg_hba.conf", "hostssl all all all password\nhostnossl all all all reject\n")]
    #[case::certificates(
        "ca.crt",
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUPWD=\nAPWD==\n-----END CERTIFICATE-----\n"
    )]
    #[case::urls(
        "app.ini",
        "A = https://x.example.org\nB = redis://cache:6379/0\nC = postgres://app@db/app\nD = amqp://app:$PASSWORD@q\nE = postgres://{user}:{password}@db/app\nF = postgres://USER:PASSWORD@HOST/app\n"
    )]
    fn no_credential_stands_in(#[case] file: &str, #[case] text: &str) {
        let found: Vec<&str> = text.lines().filter(|line| states_a_credential(file, line)).collect();
        assert!(!states_a_credential(file, text), "{found:?}");
    }
}
