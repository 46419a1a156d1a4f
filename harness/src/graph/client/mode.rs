//! How a client treats TLS, as far as connection strings, variables and files of settings say.

use super::DatabaseClient;
use crate::graph::dsn::{Dsn, DsnStyle};
use crate::graph::env::EnvVar;
use crate::graph::fact::{Fact, Text};
use crate::graph::recognise::{LIBPQ, carries_a_dsn, chooses_a_mode};
use crate::graph::ssl::SslMode;

impl DatabaseClient {
    /// How it treats TLS: by its connection strings, else its variables, else libpq's default.
    pub fn ssl_mode(&self) -> Fact<SslMode> {
        let mut open = None;
        let mut weakest: Option<SslMode> = None;
        for found in &self.dsns {
            match self.mode_of(&found.dsn) {
                Fact::Known(mode) => weakest = Some(weakest.map_or(mode, |known| known.min(mode))),
                Fact::Unknown(hint) => open = Some(hint),
            }
        }
        // A weak connection string is a defect whatever the others say; a strong one proves nothing about the others.
        match (weakest, open, self.unreadable_dsn()) {
            (Some(mode), None, None) => Fact::Known(mode),
            (Some(mode), _, _) if mode < SslMode::Require => Fact::Known(mode),
            (_, Some(hint), _) | (_, None, Some(hint)) => Fact::Unknown(hint),
            (None, None, None) => self.mode_of_environment(),
        }
    }

    fn mode_of(&self, dsn: &Dsn) -> Fact<SslMode> {
        if let Some(written) = dsn.parameter("sslmode").or_else(|| dsn.parameter("ssl-mode")) {
            return parse(written);
        }
        // The JDBC driver reads no variables, and its `ssl` means full verification.
        let ssl = dsn.parameter("ssl").filter(|_| dsn.style == DsnStyle::Jdbc);
        match (dsn.style, ssl.and_then(Text::known)) {
            (DsnStyle::Jdbc, Some("true" | "")) => Fact::Known(SslMode::VerifyFull),
            (DsnStyle::Jdbc, _) => Fact::Known(SslMode::DEFAULT),
            _ => self.mode_of_environment(),
        }
    }

    fn mode_of_environment(&self) -> Fact<SslMode> {
        let stated = |name: &str| self.container.variable(name).filter(|found| found.value.known() != Some(""));
        if let Some(variable) = stated("PGSSLMODE") {
            return parse(&variable.value);
        }
        // Who reads libpq's variables or a connection string has libpq's default. Others have variables of their own.
        let reads_libpq = !self.dsns.is_empty()
            || self
                .container
                .env()
                .iter()
                .any(|known| LIBPQ.contains(&known.name.as_str()) || carries_a_dsn(&known.name));
        if reads_libpq {
            return Fact::Known(SslMode::DEFAULT);
        }
        let is_own = |known: &&EnvVar| chooses_a_mode(&known.name) && known.value.known() != Some("");
        if let Some(variable) = self.container.env().iter().find(is_own) {
            return parse(&variable.value);
        }
        let modes: Vec<Fact<SslMode>> = self.settings.iter().flat_map(|file| &file.modes).map(parse).collect();
        let weakest = modes.iter().filter_map(|mode| mode.as_ref().known().copied()).min();
        let open = modes.into_iter().find(|mode| matches!(mode, Fact::Unknown(_)));
        match (weakest, open) {
            (Some(mode), None) => Fact::Known(mode),
            (Some(mode), Some(_)) if mode < SslMode::Require => Fact::Known(mode),
            (_, Some(open)) => open,
            (None, None) => Fact::Unknown(format!(
                "{}, and nothing that Holdfast reads says how it does TLS, so its driver's default decides; state the \
                 mode where the driver reads it, as sslmode or PGSSLMODE",
                self.because
            )),
        }
    }

    /// A variable that carries a whole connection string of which nothing is known: it may say anything.
    fn unreadable_dsn(&self) -> Option<String> {
        let whole = self.container.env().iter().filter(|variable| carries_a_dsn(&variable.name));
        let hints = whole.filter(|variable| variable.value.is_unknown()).map(|variable| variable.value.fact());
        hints.into_iter().find_map(|fact| match fact {
            Fact::Known(_) => None,
            Fact::Unknown(hint) => Some(hint),
        })
    }
}

fn parse(written: &Text) -> Fact<SslMode> {
    match written.fact() {
        Fact::Known(text) => match text.parse() {
            Ok(mode) => Fact::Known(mode),
            Err(_) => {
                Fact::Unknown(format!("`{text}` is no mode of libpq; what the client makes of it, only it can tell"))
            }
        },
        Fact::Unknown(hint) => Fact::Unknown(hint),
    }
}
