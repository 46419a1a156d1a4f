//! OWN-11: a database belongs to its application.
//!
//! A database that `postgres` owns needs a person for each extension and each schema, and in the end a superuser for the
//! application. One that everybody may connect to, which is PostgreSQL's default, makes one stolen credential thirteen.
//! Owners stand in manifests. Every other role that may log in counts as one of another application, unless it owns a
//! schema of that database. Who may connect stands in manifests only where `pg_hba` says it; a REVOKE shows on the server
//! alone, where every role tries to log into every database.

use std::collections::BTreeSet;

use harness::check::Check;
use harness::expectation::{empty, equal_to, that};
use harness::experiment::SETTLED;
use harness::feature::Feature;
use harness::finding::Place;
use harness::graph::{DeclaredDatabase, DeclaredRole, Engine};
use harness::manifests::Object;
use harness::record::{Experiment, Records};
use harness::rendered::Rendered;
use harness::requirement::{Lane, Level, Requirement};
use serde_json::Value;

use super::pg_hba::{Fate, fate};
use crate::roles::{databases, roles, users};
use crate::tls::cluster::clusters;

/// A database belongs to its application.
pub const OWN_11: Requirement = Requirement {
    id: "OWN-11",
    title: "Each database is owned by its declared role, and no other application's role reaches it",
    level: Level::Must,
    source: "S1: \"Updated `langgraph` database owner from `dbuser` to `inference`\"",
    since: "1.0",
    revision: 3,
    features: &[Feature::Cnpg],
    experiments: &[Experiment::Install],
    decisive: &[Lane::Rendered],
    remedy: "name the application's role as owner of its Database, and let no other role reach it: rules of pg_hba, or \
             REVOKE CONNECT ON DATABASE ... FROM PUBLIC",
    rendered: Some(rendered),
    live: Some(live),
};

fn rendered(subject: &Rendered, check: &mut Check) {
    let clusters = clusters(subject, check, "the owners of its databases");
    let databases = databases(subject);
    let declared = &subject.subject().database().credentials;
    for database in &databases {
        let what = format!("the owner of database {}", database.name);
        match declared.iter().find(|one| one.database.as_ref() == Some(&database.name)) {
            Some(credential) => check.expect(database, what, &database.owner.as_str(), equal_to(&*credential.role)),
            None => {
                let own = that("a role of an application", |owner: &str| owner != "postgres");
                check.expect(database, what, database.owner.as_str(), own)
            }
        };
    }
    for credential in declared {
        let Some(name) = credential.database.as_ref().filter(|_| !clusters.is_empty()) else { continue };
        if databases.iter().all(|database| database.name != *name) {
            let hint = "no Database object and no bootstrap declares it; the server knows who owns it";
            check.undecided(Place::object(format!("database/{name}")), "its owner", hint);
        }
    }
    for cluster in &clusters {
        let rules = cluster.get("spec.postgresql.pg_hba").and_then(Value::as_array).into_iter().flatten();
        let rules: Vec<&str> = rules.filter_map(Value::as_str).collect();
        let asked = is_asked_for(subject, cluster);
        let declared = declared_roles(subject, cluster);
        let applications = applications(subject, cluster, asked);
        for database in databases.iter().filter(|database| database.cluster == cluster.name()) {
            // Whether anybody uses the database that the operator makes unasked, only the subject file tells.
            let is_of_somebody = asked || database.place != cluster.at("spec.bootstrap");
            judge_strangers(database, &rules, if is_of_somebody { &applications } else { &declared }, check);
        }
    }
}

/// Whether somebody names what a Cluster begins with, or takes the Secret of its owner. Else the operator makes a role and
/// a database all the same.
fn is_asked_for(subject: &Rendered, cluster: &Object) -> bool {
    let is_named = |field: &str| {
        let ways = ["initdb", "recovery", "pg_basebackup"];
        ways.iter().any(|way| cluster.get(&format!("spec.bootstrap.{way}.{field}")).is_some())
    };
    let own = format!("{}-app", cluster.name());
    ["database", "owner", "secret"].into_iter().any(is_named) || users(subject).contains_key(&own)
}

/// The roles of applications that the subject declares for a Cluster.
fn declared_roles(subject: &Rendered, cluster: &Object) -> BTreeSet<String> {
    let database = subject.subject().database();
    let is_meant = database.cluster.as_ref().is_none_or(|name| name == cluster.name());
    database.credentials.iter().filter(|_| is_meant).map(|credential| credential.role.clone()).collect()
}

/// The roles by which applications log into a Cluster: those that the subject declares, and those that manifests let log
/// in. Its first owner is nobody's where nobody asked for it.
fn applications(subject: &Rendered, cluster: &Object, asked: bool) -> BTreeSet<String> {
    let is_one = |role: &DeclaredRole| role.login && (asked || role.engine != Engine::Bootstrap);
    let of_manifests = roles(subject).into_iter().filter(|role| role.cluster == cluster.name() && is_one(role));
    of_manifests.map(|role| role.name).chain(declared_roles(subject, cluster)).collect()
}

/// Whether roles of other applications reach a database.
fn judge_strangers(database: &DeclaredDatabase, rules: &[&str], roles: &BTreeSet<String>, check: &mut Check) {
    let is_its_own = |role: &String| *role == database.owner || database.schema_owners.contains(role);
    let strangers: Vec<&String> = roles.iter().filter(|role| !is_its_own(role)).collect();
    if strangers.is_empty() {
        return;
    }
    let admitted: Vec<&String> =
        strangers.iter().copied().filter(|role| fate(rules, role, &database.name) == Fate::Admitted).collect();
    let what = format!("other applications' roles that pg_hba lets into database {}", database.name);
    if admitted.is_empty() {
        check.expect(database, what, &admitted[..], empty());
    } else {
        let hint = format!(
            "{} of them, unless CONNECT is revoked from PUBLIC; the server's catalogue tells (`\\l`)",
            admitted.len()
        );
        check.undecided(database, what, hint);
    }
}

fn live(records: &Records, check: &mut Check) {
    let Some(installed) = records.of(Experiment::Install) else { return };
    let databases = &installed.at(SETTLED).databases;
    for database in databases {
        let owner = database.owner.as_deref().unwrap_or("there is no such database");
        check.expect(database, "its owner", &owner, equal_to(database.declared.as_str()));
        for (role, login) in &database.logins {
            let what = format!("a login of role {role}");
            if *role == database.declared {
                // Where its own role does not come in, that nobody else does says nothing.
                check.control(database, what, &login.as_str(), equal_to("accepted"));
            } else if login == "accepted" || login.starts_with("refused") {
                let refused = that("refused", |login: &str| login != "accepted");
                check.expect(database, what, login.as_str(), refused);
            } else {
                check.undecided(database, what, login);
            }
        }
    }
    if databases.is_empty() {
        check.not_applicable("the subject declares no database beside its credentials");
    }
}

#[cfg(test)]
mod tests {
    use harness::record::DatabaseState;
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::{Experiment, OWN_11, SETTLED};
    use crate::testing::{judge_live, judge_manifests, moment, record};

    #[rstest]
    #[case::its_application("shop", Holds)]
    #[case::the_superuser("postgres", Violated)]
    fn a_database_that_is_owned_by(#[case] owner: &str, #[case] verdict: Verdict) {
        let text = format!(
            "{{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {{name: db}}}}\n---\n{{apiVersion: postgresql.cnpg.io/v1, kind: Database, metadata: {{name: d}}, spec: {{cluster: {{name: db}}, name: shop, owner: {owner}}}}}"
        );
        assert_eq!(judge_manifests(&OWN_11, &text), verdict);
    }

    const SHOP: &str = "{name: shop, login: true, passwordSecret: {name: shop-auth}}";
    const CHAT: &str = "{name: chat, login: true, passwordSecret: {name: chat-auth}}";
    const CLOSED: &str = "postgresql: {pg_hba: [host sameuser all all scram-sha-256, host all all all reject]},";

    fn database(name: &str, more: &str) -> String {
        format!(
            "\n---\n{{apiVersion: postgresql.cnpg.io/v1, kind: Database, metadata: {{name: {name}}}, spec: {{cluster: {{name: db}}, name: {name}, owner: {name}, {more}}}}}"
        )
    }

    fn cluster(roles: &str, more: &str) -> String {
        format!(
            "{{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {{name: db}}, spec: {{{more} managed: {{roles: [{roles}]}}}}}}"
        )
    }

    #[rstest]
    #[case::nobody_else(SHOP, "", "", Holds)]
    #[case::of_another_application(&format!("{SHOP}, {CHAT}"), "", "", Unchecked)]
    #[case::that_pg_hba_keeps_out(&format!("{SHOP}, {CHAT}"), CLOSED, "", Holds)]
    #[case::that_may_not_log_in(&format!("{SHOP}, {{name: chat}}"), "", "", Holds)]
    #[case::that_owns_a_schema_of_it(&format!("{SHOP}, {CHAT}"), "", "schemas: [{name: a, owner: chat}]", Holds)]
    #[case::that_the_bootstrap_names(SHOP, "bootstrap: {initdb: {owner: chat}},", "", Unchecked)]
    fn beside_the_owner_of_a_database_there_is_a_role(
        #[case] roles: &str,
        #[case] more: &str,
        #[case] schemas: &str,
        #[case] verdict: Verdict,
    ) {
        let text = format!("{}{}", cluster(roles, more), database("shop", schemas));
        assert_eq!(judge_manifests(&OWN_11, &text), verdict);
    }

    #[rstest]
    #[case::its_own_role_alone("shop", "refused (28000)", "accepted", Holds)]
    #[case::anothers("postgres", "refused (28000)", "accepted", Violated)]
    #[case::open_to_a_stranger("shop", "accepted", "accepted", Violated)]
    #[case::out_of_reach("shop", "no answer: broken pipe", "accepted", Unchecked)]
    #[case::closed_to_everybody("shop", "refused (28000)", "refused (28000)", Unchecked)]
    fn a_database_that_stands(
        #[case] owner: &str,
        #[case] stranger: &str,
        #[case] own: &str,
        #[case] verdict: Verdict,
    ) {
        let logins = [("chat", stranger), ("shop", own)].map(|(role, login)| (role.to_owned(), login.to_owned()));
        let mut seen = moment(SETTLED, 0, []);
        seen.databases = vec![DatabaseState {
            name: "shop".into(),
            declared: "shop".into(),
            owner: Some(owner.into()),
            logins: logins.into(),
        }];
        assert_eq!(judge_live(&OWN_11, [record(Experiment::Install, [seen])]), verdict);
    }
}
