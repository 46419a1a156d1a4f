//! What CloudNativePG is known to make for a Cluster: Secrets, their keys, and what their contents say.
//!
//! Facts of version 1.30, `pkg/specs/secrets.go` and `pkg/certs/certs.go`. A connection URI that it makes carries no
//! `sslmode`, so that the client's own variables and defaults decide.

use serde_json::Value;

use crate::manifests::{Manifests, Object};

/// The keys of `<cluster>-app` and `<cluster>-superuser`.
pub const CREDENTIAL_KEYS: &[&str] = &[
    "username",
    "user",
    "password",
    "dbname",
    "host",
    "port",
    "pgpass",
    "uri",
    "jdbc-uri",
    "fqdn-uri",
    "fqdn-jdbc-uri",
];

/// The keys of `<cluster>-ca`.
pub const CA_KEYS: &[&str] = &["ca.crt", "ca.key"];

/// The keys of the certificates, `<cluster>-server`, `<cluster>-replication` and `<cluster>-pooler`.
pub const CERTIFICATE_KEYS: &[&str] = &["tls.crt", "tls.key"];

/// A Cluster that is known from manifests or from the subject file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// The database and the owner that it is bootstrapped with.
    pub database: String,
    /// The role that owns the database.
    pub owner: String,
    /// The Secret of the application, if it is another one than `<cluster>-app`.
    pub app_secret: Option<String>,
    /// The Secret with the server's CA, if the Cluster brings its own.
    pub server_ca_secret: Option<String>,
    /// Whether the superuser has a Secret.
    pub superuser: bool,
}

impl Cluster {
    /// A Cluster of which only the name is known.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            database: "app".into(),
            owner: "app".into(),
            app_secret: None,
            server_ca_secret: None,
            superuser: false,
        }
    }

    /// The Clusters that manifests declare.
    pub fn all(manifests: &Manifests) -> Vec<Self> {
        let clusters = manifests.of_kind("Cluster").filter(|object| object.group() == "postgresql.cnpg.io");
        clusters.map(Self::read).collect()
    }

    pub(super) fn read(object: &Object) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let bootstrap = |field: &str| {
            ["initdb", "recovery", "pg_basebackup"]
                .iter()
                .find_map(|how| text(object.get(&format!("spec.bootstrap.{how}.{field}"))))
        };
        let superuser = object.get("spec.enableSuperuserAccess").and_then(Value::as_bool).unwrap_or(false);
        Self {
            name: object.name().to_owned(),
            database: bootstrap("database").unwrap_or_else(|| "app".into()),
            owner: bootstrap("owner").unwrap_or_else(|| "app".into()),
            app_secret: bootstrap("secret.name"),
            server_ca_secret: text(object.get("spec.certificates.serverCASecret")),
            superuser: superuser && object.get("spec.superuserSecret").is_none(),
        }
    }

    /// The Secret of the application's role.
    pub fn app_secret(&self) -> String {
        self.app_secret.clone().unwrap_or_else(|| format!("{}-app", self.name))
    }

    /// The Secret with the CA that signs the server's certificate.
    pub fn ca_secret(&self) -> String {
        self.server_ca_secret.clone().unwrap_or_else(|| format!("{}-ca", self.name))
    }

    /// The host names of its Services, without a namespace.
    pub fn services(&self) -> [String; 3] {
        ["rw", "r", "ro"].map(|suffix| format!("{}-{suffix}", self.name))
    }

    /// The keys of a Secret that the operator makes for this Cluster; `None`: it does not make that Secret.
    pub fn keys_of(&self, secret: &str) -> Option<&'static [&'static str]> {
        let generated =
            |suffix: &str| secret.strip_prefix(&*self.name).and_then(|rest| rest.strip_prefix('-')) == Some(suffix);
        if self.app_secret.is_none() && generated("app") || self.superuser && generated("superuser") {
            Some(CREDENTIAL_KEYS)
        } else if self.server_ca_secret.is_none() && generated("ca") {
            Some(CA_KEYS)
        } else if generated("server") || generated("replication") || generated("pooler") {
            Some(CERTIFICATE_KEYS)
        } else {
            None
        }
    }

    /// What is known of a key's content, with `None` for the parts that only the cluster knows.
    pub fn content(&self, secret: &str, key: &str) -> Option<Vec<Option<String>>> {
        self.keys_of(secret).filter(|keys| keys.contains(&"uri") && keys.contains(&key))?;
        let (user, database) = if secret.ends_with("-superuser") {
            ("postgres", "*")
        } else {
            (self.owner.as_str(), self.database.as_str())
        };
        let host = format!("{}-rw", self.name);
        let known = |text: String| Some(vec![Some(text)]);
        match key {
            "username" | "user" => known(user.into()),
            "dbname" => known(database.into()),
            "host" => known(host),
            "port" => known("5432".into()),
            "uri" | "fqdn-uri" => Some(vec![
                Some(format!("postgresql://{user}:")),
                None,
                Some(format!("@{host}{}:5432/{database}", fqdn_part(key))),
            ]),
            "jdbc-uri" | "fqdn-jdbc-uri" => Some(vec![
                Some(format!("jdbc:postgresql://{host}{}:5432/{database}?password=", fqdn_part(key))),
                None,
                Some(format!("&user={user}")),
            ]),
            _ => Some(vec![None]),
        }
    }
}

/// The Secrets that the operator reads a role's password from and does not make: role and Secret, as manifests say it.
pub fn consumed_secrets(manifests: &[&Manifests], cluster: &Cluster) -> Vec<(String, String)> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let mut consumed = Vec::new();
    if let Some(secret) = &cluster.app_secret {
        consumed.push((cluster.owner.clone(), secret.clone()));
    }
    let objects = || manifests.iter().flat_map(|manifests| manifests.objects());
    let of_cloudnative_pg = |kind: &'static str| {
        objects().filter(move |object| object.kind() == kind && object.group() == "postgresql.cnpg.io")
    };
    for object in of_cloudnative_pg("Cluster").filter(|object| object.name() == cluster.name) {
        consumed.extend(text(object.get("spec.superuserSecret.name")).map(|secret| ("postgres".to_owned(), secret)));
        let roles = object.get("spec.managed.roles").and_then(Value::as_array).into_iter().flatten();
        consumed.extend(
            roles.filter_map(|role| Some((text(role.get("name"))?, text(role.pointer("/passwordSecret/name"))?))),
        );
    }
    let of_this =
        |object: &&crate::manifests::Object| text(object.get("spec.cluster.name")).as_ref() == Some(&cluster.name);
    consumed.extend(of_cloudnative_pg("DatabaseRole").filter(of_this).filter_map(|object| {
        let role = text(object.get("spec.name")).unwrap_or_else(|| object.name().to_owned());
        Some((role, text(object.get("spec.passwordSecret.name"))?))
    }));
    consumed
}

/// The namespace is not known before the installation; the shape of the name is.
fn fqdn_part(key: &str) -> &'static str {
    if key.starts_with("fqdn") { ".namespace.svc.cluster.local" } else { "" }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Cluster;
    use crate::manifests::Manifests;

    #[rstest]
    #[case::application("db-app", true)]
    #[case::ca("db-ca", true)]
    #[case::no_superuser_unless_asked_for("db-superuser", false)]
    #[case::another_cluster("other-app", false)]
    #[case::prefix_only("dbx-app", false)]
    fn the_operators_outputs_are_known(#[case] secret: &str, #[case] made: bool) {
        assert_eq!(Cluster::named("db").keys_of(secret).is_some(), made);
    }

    #[test]
    fn a_cluster_with_secrets_of_its_own_makes_no_others() {
        let manifests = Manifests::parse(
            "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: db}, spec: {bootstrap: {initdb: {database: shop, owner: shop, secret: {name: mine}}}, certificates: {serverCASecret: own-ca}}}",
            "stdin",
        )
        .unwrap();
        let [cluster] = &Cluster::all(&manifests)[..] else { panic!("expected one") };
        assert_eq!(
            (cluster.app_secret(), cluster.ca_secret(), &*cluster.database),
            ("mine".into(), "own-ca".into(), "shop")
        );
        assert_eq!((cluster.keys_of("db-app"), cluster.keys_of("db-ca")), (None, None));
    }
}
