//! Roles and databases that CloudNativePG is told to make: who sets a role's password, what it may do, what it owns.
//!
//! Three engines set passwords, and each has a memory of its own: the bootstrap of a Cluster, its `managed.roles`, and
//! objects of kind DatabaseRole.

use std::fmt;

use serde_json::Value;

use super::cnpg::Cluster;
use crate::finding::{Locate, Place};
use crate::manifests::{Manifests, Object};

/// What sets the password of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// The owner that a Cluster is bootstrapped with.
    Bootstrap,
    /// `spec.managed.roles` of a Cluster.
    Inline,
    /// An object of kind DatabaseRole.
    Object,
}

impl fmt::Display for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Bootstrap => "spec.bootstrap",
            Self::Inline => "spec.managed.roles",
            Self::Object => "a DatabaseRole",
        })
    }
}

/// A role as one engine declares it.
#[derive(Debug, Clone)]
pub struct DeclaredRole {
    /// Its name.
    pub name: String,
    /// The Cluster.
    pub cluster: String,
    /// Who declares it.
    pub engine: Engine,
    /// The Secret with its password. `None`: this engine leaves the password alone.
    pub secret: Option<String>,
    /// Whether it may log in. To the operator, a role that says nothing may not.
    pub login: bool,
    /// The attributes beyond a login that it is given, `superuser`.
    pub attributes: Vec<&'static str>,
    /// Where it stands.
    pub place: Place,
}

impl Locate for DeclaredRole {
    fn place(&self) -> Place {
        self.place.clone()
    }
}

/// A database as an object declares it.
#[derive(Debug, Clone)]
pub struct DeclaredDatabase {
    /// Its name.
    pub name: String,
    /// The Cluster.
    pub cluster: String,
    /// The role that owns it.
    pub owner: String,
    /// The roles that own schemas in it, which makes them roles of the same application.
    pub schema_owners: Vec<String>,
    /// Where it stands.
    pub place: Place,
}

impl Locate for DeclaredDatabase {
    fn place(&self) -> Place {
        self.place.clone()
    }
}

/// What a role can be given beyond a login; each of them lets it out of its own database.
const ATTRIBUTES: &[&str] = &["superuser", "createrole", "createdb", "replication", "bypassrls"];

impl DeclaredRole {
    /// The roles that manifests declare.
    pub fn all(manifests: &Manifests) -> Vec<Self> {
        let mut found = Vec::new();
        for object in of_cnpg(manifests, "Cluster") {
            found.extend(bootstrapped(object));
            let roles = object.get("spec.managed.roles").and_then(Value::as_array).into_iter().flatten().enumerate();
            found.extend(roles.filter_map(|(index, role)| {
                let at = object.at(&format!("spec.managed.roles[{index}]"));
                Self::read(role, object.name(), Engine::Inline, at)
            }));
        }
        for object in of_cnpg(manifests, "DatabaseRole") {
            let cluster = object.get("spec.cluster.name").and_then(Value::as_str).unwrap_or_default();
            let spec = object.get("spec").unwrap_or(&Value::Null);
            found.extend(Self::read(spec, cluster, Engine::Object, object.at("spec")));
        }
        found
    }

    fn read(role: &Value, cluster: &str, engine: Engine, place: Place) -> Option<Self> {
        let text = |pointer: &str| role.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        if text("/ensure").as_deref() == Some("absent") {
            return None;
        }
        let is_on = |name: &&str| role.get(*name).and_then(Value::as_bool) == Some(true);
        Some(Self {
            name: text("/name")?,
            cluster: cluster.to_owned(),
            engine,
            secret: text("/passwordSecret/name"),
            login: is_on(&"login"),
            attributes: ATTRIBUTES.iter().copied().filter(is_on).collect(),
            place,
        })
    }
}

/// The owner that a new Cluster begins with; one that is recovered has whoever it had.
fn bootstrapped(object: &Object) -> Option<DeclaredRole> {
    let known = Cluster::read(object);
    if ["recovery", "pg_basebackup"].iter().any(|how| object.get(&format!("spec.bootstrap.{how}")).is_some()) {
        return None;
    }
    Some(DeclaredRole {
        name: known.owner.clone(),
        cluster: known.name.clone(),
        engine: Engine::Bootstrap,
        secret: Some(known.app_secret()),
        login: true,
        attributes: Vec::new(),
        place: object.at("spec.bootstrap"),
    })
}

impl DeclaredDatabase {
    /// The databases that manifests declare.
    pub fn all(manifests: &Manifests) -> Vec<Self> {
        let bootstrapped = of_cnpg(manifests, "Cluster").map(|object| {
            let Cluster { name, database, owner, .. } = Cluster::read(object);
            Self { name: database, cluster: name, owner, schema_owners: Vec::new(), place: object.at("spec.bootstrap") }
        });
        let declared = of_cnpg(manifests, "Database").filter_map(|object| {
            let text = |path: &str| object.get(path).and_then(Value::as_str).map(str::to_owned);
            let is_kept = text("spec.ensure").as_deref() != Some("absent");
            is_kept.then_some(())?;
            let schemas = object.get("spec.schemas").and_then(Value::as_array).into_iter().flatten();
            let owners = schemas.filter_map(|schema| schema.get("owner")?.as_str());
            Some(Self {
                name: text("spec.name")?,
                cluster: text("spec.cluster.name")?,
                owner: text("spec.owner")?,
                schema_owners: owners.map(str::to_owned).collect(),
                place: object.at("spec.owner"),
            })
        });
        bootstrapped.chain(declared).collect()
    }
}

fn of_cnpg<'a>(manifests: &'a Manifests, kind: &'a str) -> impl Iterator<Item = &'a Object> {
    manifests.of_kind(kind).filter(|object| object.group() == "postgresql.cnpg.io")
}

#[cfg(test)]
mod tests {
    use super::{DeclaredDatabase, DeclaredRole, Engine};
    use crate::manifests::Manifests;

    const TEXT: &str = "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: db}, spec: {managed: {roles: [{name: shop, superuser: true, createdb: false, passwordSecret: {name: shop-auth}}, {name: gone, ensure: absent}]}}}\n---\n{apiVersion: postgresql.cnpg.io/v1, kind: DatabaseRole, metadata: {name: r}, spec: {cluster: {name: db}, name: mail}}\n---\n{apiVersion: postgresql.cnpg.io/v1, kind: Database, metadata: {name: d}, spec: {cluster: {name: db}, name: shop, owner: shop, schemas: [{name: public}, {name: s, owner: shop_schema}]}}\n---\n{apiVersion: other.example.org/v1, kind: Database, metadata: {name: d}, spec: {cluster: {name: db}, name: x, owner: y}}";

    #[test]
    fn roles_of_all_engines_are_seen() {
        let roles = DeclaredRole::all(&Manifests::parse(TEXT, "test").unwrap());
        let seen: Vec<_> = roles.iter().map(|role| (&*role.name, role.engine, role.secret.as_deref())).collect();
        let expected = [
            ("app", Engine::Bootstrap, Some("db-app")),
            ("shop", Engine::Inline, Some("shop-auth")),
            ("mail", Engine::Object, None),
        ];
        assert_eq!(seen, expected);
        assert_eq!(roles[1].attributes, ["superuser"]);
        // Nobody said that the others may log in.
        assert_eq!(roles.iter().map(|role| role.login).collect::<Vec<_>>(), [true, false, false]);
    }

    #[test]
    fn databases_have_owners() {
        let databases = DeclaredDatabase::all(&Manifests::parse(TEXT, "test").unwrap());
        let seen: Vec<_> = databases.iter().map(|database| (&*database.name, &*database.owner)).collect();
        assert_eq!(seen, [("app", "app"), ("shop", "shop")]);
        assert_eq!(databases[1].schema_owners, ["shop_schema"]);
    }
}
