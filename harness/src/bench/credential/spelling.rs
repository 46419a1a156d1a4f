//! How a password is spelt in the keys of a credential Secret: as it is, in a URI, in a password file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// A text from which a password can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `postgresql://role:password@host:port/database`
    Uri,
    /// `jdbc:postgresql://host:port/database?user=role&password=password`
    JdbcUri,
    /// `host:port:database:role:password`
    Passfile,
}

impl Format {
    /// The role and the password in a text of this format; nothing if it is not of this format.
    pub(in crate::bench) fn read(self, text: &str) -> Option<(String, String)> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned);
        match self {
            Self::Uri => {
                let (_, rest) = text.trim().split_once("://")?;
                let (user, password) = rest.rsplit_once('@')?.0.split_once(':')?;
                Some((decoded(user)?, decoded(password)?))
            }
            Self::JdbcUri => {
                let (_, query) = text.trim().split_once('?')?;
                let value =
                    |name: &str| query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
                Some((decoded(value("user")?.1)?, decoded(value("password")?.1)?))
            }
            Self::Passfile => {
                let line = text.lines().find(|line| !line.trim().is_empty())?;
                let fields = passfile_fields(line);
                let [_, _, _, user, password] = &fields[..] else { return None };
                Some((user.clone(), password.clone()))
            }
        }
    }
}

/// The fields of a line of a password file; a backslash takes the next character as it is.
fn passfile_fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let taken = match character {
            ':' => {
                fields.push(String::new());
                continue;
            }
            '\\' => characters.next(),
            other => Some(other),
        };
        fields.last_mut().into_iter().for_each(|field| field.extend(taken));
    }
    fields
}

/// The keys that hold the old password, with the new one in its place as the format of each asks for.
///
/// A line end behind the old one is in its own key alone, where somebody left it there.
pub(super) fn rewritten(data: &BTreeMap<String, ByteString>, old: &str, new: &str) -> BTreeMap<String, ByteString> {
    let spellings: [fn(&str) -> String; 3] = [str::to_owned, in_a_uri, in_a_passfile];
    let held = data.iter().filter_map(|(key, bytes)| {
        let text = std::str::from_utf8(&bytes.0).ok()?;
        let spelling = match key.as_str() {
            key if key.contains("uri") || text.contains("://") => spellings[1],
            key if key.contains("pgpass") => spellings[2],
            _ => spellings[0],
        };
        let replaced =
            if text == old { new.to_owned() } else { text.replace(&spelling(old.trim_end()), &spelling(new)) };
        (replaced != text).then(|| (key.clone(), ByteString(replaced.into_bytes())))
    });
    held.collect()
}

fn in_a_uri(password: &str) -> String {
    utf8_percent_encode(password, NON_ALPHANUMERIC).to_string()
}

/// libpq's password file escapes its separator and the escape itself.
fn in_a_passfile(password: &str) -> String {
    password.replace('\\', r"\\").replace(':', r"\:")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::ByteString;

    use rstest::rstest;

    use super::{Format, rewritten};

    #[test]
    fn each_key_gets_the_password_in_its_own_spelling() {
        let data = [
            ("username", "app"),
            ("password", "old1"),
            ("uri", "postgresql://app:old1@db:5432/app"),
            ("jdbc-uri", "jdbc:postgresql://db:5432/app?password=old1&user=app"),
            ("pgpass", "db:5432:app:app:old1\n"),
        ];
        let data: BTreeMap<String, ByteString> =
            data.iter().map(|(key, text)| ((*key).to_owned(), ByteString(text.as_bytes().to_vec()))).collect();
        let changed = rewritten(&data, "old1", "p:@ \\");
        let text = |key: &str| String::from_utf8(changed[key].0.clone()).unwrap();
        assert_eq!(changed.len(), 4, "the name of the role is left alone");
        assert_eq!(text("password"), "p:@ \\");
        assert_eq!(text("uri"), "postgresql://app:p%3A%40%20%5C@db:5432/app");
        assert_eq!(text("jdbc-uri"), "jdbc:postgresql://db:5432/app?password=p%3A%40%20%5C&user=app");
        assert_eq!(text("pgpass"), "db:5432:app:app:p\\:@ \\\\\n");
    }

    #[test]
    fn a_line_end_behind_the_password_goes_with_it() {
        let data = [("password", "old1\n"), ("uri", "postgresql://app:old1@db:5432/app")];
        let data: BTreeMap<String, ByteString> =
            data.iter().map(|(key, text)| ((*key).to_owned(), ByteString(text.as_bytes().to_vec()))).collect();
        let changed = rewritten(&data, "old1\n", "new2");
        assert_eq!(changed["password"].0, b"new2");
        assert_eq!(changed["uri"].0, b"postgresql://app:new2@db:5432/app");
    }

    #[rstest]
    #[case::uri(Format::Uri, "postgresql://app:p%3A%40%20@db-rw:5432/app?sslmode=require")]
    #[case::jdbc(Format::JdbcUri, "jdbc:postgresql://db-rw:5432/app?password=p%3A%40%20&user=app")]
    #[case::passfile(Format::Passfile, "db-rw:5432:app:app:p\\:@ \n")]
    fn a_password_is_read_from_each_format(#[case] format: Format, #[case] text: &str) {
        assert_eq!(format.read(text), Some(("app".into(), "p:@ ".into())));
    }

    #[rstest]
    #[case::no_password(Format::Uri, "postgresql://app@db-rw/app")]
    #[case::no_user(Format::JdbcUri, "jdbc:postgresql://db-rw/app?password=x")]
    #[case::too_few_fields(Format::Passfile, "db-rw:5432:app:x")]
    fn what_is_no_credential_is_none(#[case] format: Format, #[case] text: &str) {
        assert_eq!(format.read(text), None);
    }
}
