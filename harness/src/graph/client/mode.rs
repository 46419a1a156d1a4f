//! How a client treats TLS, as far as connection strings, variables and files of settings say.

use super::DatabaseClient;
use crate::graph::dsn::{Dsn, DsnStyle};
use crate::graph::env::EnvVar;
use crate::graph::fact::{Fact, Text};
use crate::graph::recognise::{LIBPQ, carries_a_dsn, chooses_a_mode};
use crate::graph::ssl::SslMode;

/// The variable by which libpq is told a mode.
const PGSSLMODE: &str = "PGSSLMODE";

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
            let mode = parse(written);
            let trusts_anybody = dsn.parameter("sslfactory").and_then(Text::known).is_some_and(|name| {
                // The JDBC driver verifies with this class, and this one accepts every certificate.
                name.ends_with("NonValidatingFactory")
            });
            return if trusts_anybody { mode.map(|mode| mode.min(SslMode::Require)) } else { mode };
        }
        let ssl = dsn.parameter("ssl");
        match (dsn.style, ssl, ssl.and_then(Text::known)) {
            // The JDBC driver reads no variables, and its `ssl` means full verification.
            (DsnStyle::Jdbc, _, Some("true" | "")) => Fact::Known(SslMode::VerifyFull),
            (DsnStyle::Jdbc, ..) => Fact::Known(SslMode::DEFAULT),
            (_, None, _) => self.mode_of_environment(),
            // Other drivers have `ssl` instead of `sslmode`: asyncpg takes a mode, those of Node.js a switch.
            (_, Some(_), Some("false" | "0")) => Fact::Known(SslMode::Disable),
            (_, Some(_), Some(on @ ("true" | "1" | ""))) => Fact::Unknown(format!(
                "what `ssl={on}` verifies, only the driver tells; write the mode, where the driver has one"
            )),
            (_, Some(written), _) => parse(written),
        }
    }

    fn mode_of_environment(&self) -> Fact<SslMode> {
        // What libpq finds under the name of a service wins over variables.
        if let Some(mode) = self.service.as_ref().and_then(|service| weakest(service.modes.iter().map(parse))) {
            return mode;
        }
        if let Some(mode) = weakest(self.told.iter().map(parse)) {
            return mode;
        }
        let stated = self.container.variable(PGSSLMODE).filter(|found| found.value.known() != Some(""));
        let own = self.mode_of_its_own();
        // Who reads libpq's variables or a connection string has libpq's default. Others have variables of their own.
        let of_libpq = |known: &EnvVar| {
            // The variable itself says nothing of whether anybody reads it.
            let beside = known.name != PGSSLMODE || stated.is_none();
            beside && LIBPQ.contains(&known.name.as_str()) || carries_a_dsn(&known.name)
        };
        let reads_libpq = !self.dsns.is_empty() || self.container.env().iter().any(of_libpq);
        match (stated.map(|variable| parse(&variable.value)), own) {
            (Some(stated), None) => stated,
            (Some(stated), Some(own)) => which_of_both(stated, own, reads_libpq),
            (None, _) if reads_libpq => self.unread().map_or(Fact::Known(SslMode::DEFAULT), Fact::Unknown),
            (None, Some(own)) => own,
            (None, None) => Fact::Unknown(format!(
                "{}, and nothing that Holdfast reads says how it does TLS, so its driver's default decides; state the \
                 mode where that driver reads it: a variable that it does not read changes nothing",
                self.because
            )),
        }
    }

    /// What a variable or a file says that the application alone reads.
    fn mode_of_its_own(&self) -> Option<Fact<SslMode>> {
        let is_own =
            |known: &&EnvVar| known.name != PGSSLMODE && chooses_a_mode(&known.name) && known.value.known() != Some("");
        let variable = self.container.env().iter().find(is_own).map(|variable| parse(&variable.value));
        variable.or_else(|| weakest(self.settings.iter().flat_map(|file| &file.modes).map(parse)))
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

/// The variable of libpq beside a mode of the application's own. An application hands its own to the driver, and what a
/// driver is handed wins over the variable; but who reads libpq's variables may well have no use for the other.
fn which_of_both(stated: Fact<SslMode>, own: Fact<SslMode>, reads_libpq: bool) -> Fact<SslMode> {
    match (stated, own) {
        (Fact::Known(stated), Fact::Known(own)) if own == stated || own < stated && !reads_libpq => Fact::Known(own),
        (Fact::Known(stated), Fact::Known(own)) => Fact::Unknown(format!(
            "{PGSSLMODE} says {stated} and its own setting {own}, and only its driver tells which of them counts; let them \
             say the same"
        )),
        (_, Fact::Unknown(hint)) | (Fact::Unknown(hint), Fact::Known(SslMode::VerifyFull | SslMode::VerifyCa)) => {
            Fact::Unknown(hint)
        }
        (Fact::Unknown(_), own) => own,
    }
}

/// The weakest of several modes; `None`: there is none. A weak one is one whatever the others are.
fn weakest(modes: impl Iterator<Item = Fact<SslMode>>) -> Option<Fact<SslMode>> {
    let (mut weakest, mut open) = (None::<SslMode>, None);
    for mode in modes {
        match mode {
            Fact::Known(mode) => weakest = Some(weakest.map_or(mode, |known| known.min(mode))),
            Fact::Unknown(hint) => open = open.or(Some(hint)),
        }
    }
    match (weakest, open) {
        (Some(mode), open) if mode < SslMode::Require || open.is_none() => Some(Fact::Known(mode)),
        (_, open) => open.map(Fact::Unknown),
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::graph::tests::{client_of, deployment, graph_in};
    use crate::graph::{Graph, SslMode, Surroundings};

    fn told(container: &str, volumes: &str, more: &str) -> String {
        match client_of(container, volumes, more).unwrap().ssl_mode() {
            crate::graph::Fact::Known(mode) => mode.to_string(),
            crate::graph::Fact::Unknown(hint) => format!("unknown: {hint}"),
        }
    }

    #[rstest]
    #[case::before_a_program("PGSSLMODE=verify-full pg_dump -h db-rw app", "verify-full")]
    #[case::within_a_list("psql 'host=db-rw sslmode=require'", "require")]
    #[case::from_elsewhere("export PGSSLMODE=$MODE; psql", "unknown: ")]
    #[case::nowhere("psql -h db-rw", "prefer")]
    #[case::of_another_string("psql postgres://a@db-rw/app; psql 'postgres://a@db-rw/x?sslmode=require'", "prefer")]
    fn a_command_may_say_the_mode(#[case] command: &str, #[case] expected: &str) {
        let container = format!("env: [{{name: PGUSER, value: app}}], command: [sh, -c, \"{command}\"]");
        let seen = told(&container, "", "");
        assert!(seen.starts_with(expected), "{seen}");
    }

    #[rstest]
    #[case::a_word("app, '$(ELSEWHERE)'")]
    #[case::a_file("app, --settings, /etc/app/a.yaml")]
    #[case::a_default("sh, -c, 'export PGSSLMODE=${PGSSLMODE:-require}; app'")]
    fn what_a_command_does_not_say_leaves_the_variable(#[case] command: &str) {
        let container = format!(
            "env: [{{name: PGSSLMODE, value: verify-full}}, {{name: ELSEWHERE, valueFrom: {{configMapKeyRef: {{name: x, key: y}}}}}}], command: [{command}], volumeMounts: [{{name: s, mountPath: /etc/app}}]"
        );
        assert_eq!(told(&container, "{name: s, configMap: {name: other}}", ""), "verify-full");
    }

    #[rstest]
    #[case::of_the_release("backup", "verify-full")]
    #[case::of_somebody_else("other", "unknown: ConfigMap other is not in the manifests")]
    fn a_script_may_say_the_mode(#[case] config_map: &str, #[case] expected: &str) {
        let more = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: backup}\ndata:\n  backup.sh: |\n    export PGSSLMODE=verify-full\n    pg_dump -h db-rw app\n";
        let container = "env: [{name: PGUSER, value: app}], command: [sh, /scripts/backup.sh], volumeMounts: [{name: s, mountPath: /scripts}]";
        let seen = told(container, &format!("{{name: s, configMap: {{name: {config_map}}}}}"), more);
        assert!(seen.starts_with(expected), "{seen}");
    }

    fn declared(container: &str) -> Graph {
        let more = "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: synced}, spec: {data: [{secretKey: DATABASE_URL}]}}\n---\n{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: taken}, spec: {dataFrom: [{extract: {key: a}}]}}\n";
        let surroundings = Surroundings { credentials: vec!["auth".into(), "taken".into()], ..Surroundings::default() };
        graph_in(&format!("{}---\n{more}", deployment(container, "")), &surroundings)
    }

    #[rstest]
    #[case::whose_keys_an_external_secret_says("envFrom: [{secretRef: {name: synced}}]", 1)]
    #[case::that_holds_a_credential("envFrom: [{secretRef: {name: auth}}]", 1)]
    #[case::that_takes_whatever_there_is("envFrom: [{secretRef: {name: taken}}]", 1)]
    #[case::that_nobody_knows("envFrom: [{secretRef: {name: other}}]", 0)]
    fn a_secret_that_is_taken_whole_may_make_a_client(#[case] container: &str, #[case] clients: usize) {
        let graph = declared(container);
        assert_eq!(graph.database_clients().len(), clients);
        for client in graph.database_clients() {
            assert!(client.ssl_mode().known().is_none());
        }
    }

    #[rstest]
    #[case::which_may_say_it("{name: DATABASE_URL, value: 'postgres://a@db/x'}", None)]
    #[case::which_the_variable_outranks(
        "{name: DATABASE_URL, value: 'postgres://a@db/x'}, {name: PGSSLMODE, value: disable}",
        Some(SslMode::Disable)
    )]
    #[case::which_the_uri_outranks(
        "{name: DATABASE_URL, value: 'postgres://a@db/x?sslmode=allow'}",
        Some(SslMode::Allow)
    )]
    fn the_mode_beside_a_secret_that_nobody_knows(#[case] env: &str, #[case] mode: Option<SslMode>) {
        let graph = declared(&format!("env: [{env}], envFrom: [{{secretRef: {{name: settings}}}}]"));
        assert_eq!(graph.database_clients()[0].ssl_mode().known(), mode);
    }

    #[rstest]
    #[case::a_mode("postgresql+asyncpg://app@db-rw/app?ssl=verify-full", "verify-full")]
    #[case::on("postgres://app@db-rw/app?ssl=true", "unknown: what `ssl=true` verifies, only the driver tells")]
    #[case::on_as_a_number("postgres://app@db-rw/app?ssl=1", "unknown: what `ssl=1` verifies, only the driver tells")]
    #[case::off("postgres://app@db-rw/app?ssl=false", "disable")]
    #[case::beside_the_mode("postgres://app@db-rw/app?ssl=true&sslmode=require", "require")]
    fn a_driver_may_call_the_mode_ssl(#[case] uri: &str, #[case] expected: &str) {
        let seen = told(&format!("env: [{{name: DATABASE_URL, value: '{uri}'}}]"), "", "");
        assert!(seen.starts_with(expected), "{seen}");
    }

    #[rstest]
    #[case::that_says_the_same("verify-full", "verify-full", "", "verify-full")]
    #[case::that_is_weaker("verify-full", "disable", "", "disable")]
    #[case::that_is_stronger(
        "prefer",
        "verify-full",
        "",
        "unknown: PGSSLMODE says prefer and its own setting verify-full"
    )]
    #[case::beside_a_variable_of_libpq("verify-full", "disable", ", {name: PGHOST, value: db-rw}", "unknown: ")]
    fn a_mode_of_its_own(#[case] stated: &str, #[case] own: &str, #[case] more: &str, #[case] expected: &str) {
        let env = format!(
            "env: [{{name: PGSSLMODE, value: {stated}}}, {{name: SHOP_POSTGRES_HOST, value: db-rw}}, {{name: SHOP_POSTGRES_SSLMODE, value: {own}}}{more}]"
        );
        let seen = told(&env, "", "");
        assert!(seen.starts_with(expected), "{seen}");
    }

    #[rstest]
    #[case::weaker("ssl:\n        mode: disable", "disable")]
    #[case::switched_off("tls:\n        enabled: false", "disable")]
    #[case::the_same("ssl:\n        mode: verify-full", "verify-full")]
    #[case::none("port: 5432", "verify-full")]
    fn a_mode_of_a_file(#[case] setting: &str, #[case] expected: &str) {
        let more = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata:\n  config.yaml: |\n    postgres:\n      host: db-rw\n      {setting}\n"
        );
        let env = "env: [{name: PGSSLMODE, value: verify-full}], volumeMounts: [{name: s, mountPath: /etc/app}]";
        assert_eq!(told(env, "{name: s, configMap: {name: settings}}", &more), expected);
    }

    #[test]
    fn a_driver_may_be_told_to_trust_anybody() {
        let uri = "jdbc:postgresql://db-rw/app?sslmode=verify-full&sslfactory=org.postgresql.ssl.NonValidatingFactory";
        assert_eq!(told(&format!("env: [{{name: DATABASE_URL, value: '{uri}'}}]"), "", ""), "require");
    }

    #[rstest]
    #[case::of_the_service("shop", "verify-full")]
    #[case::of_a_service_that_says_none("mail", "prefer")]
    #[case::of_a_service_that_is_not_there("other", "unknown: PGSERVICE names other")]
    fn the_mode_of_a_service_is_in_its_file(#[case] service: &str, #[case] expected: &str) {
        let more = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: services}\ndata:\n  pg_service.conf: |\n    [shop]\n    host=db-rw\n    sslmode=verify-full\n    [mail]\n    host=db-rw\n";
        let env = format!(
            "env: [{{name: PGSERVICE, value: {service}}}, {{name: PGSYSCONFDIR, value: /etc/pg}}], volumeMounts: [{{name: s, mountPath: /etc/pg}}]"
        );
        let seen = told(&env, "{name: s, configMap: {name: services}}", more);
        assert!(seen.starts_with(expected), "{seen}");
        let seen = told(&env, "{name: s, configMap: {name: elsewhere}}", more);
        assert!(seen.starts_with("unknown: "), "{seen}");
    }
}
