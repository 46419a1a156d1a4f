//! The declared credentials beside what the database has of their roles.
//!
//! A verifier is compared here and goes no further: what is kept is whether it agrees.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde::Deserialize;

use crate::bench::{Bench, BenchError, CredentialSecret, Installation};
use crate::cluster::FIELD_MANAGER;
use crate::probe::verifies;
use crate::record::CredentialState;

const ROLES: &str = "select rolname as role, rolpassword as verifier, rolsuper as superuser, rolcreaterole as createrole, \
     rolcreatedb as createdb, rolreplication as replication, rolbypassrls as bypassrls from pg_authid";

/// Who writes what a companion brings, among the names of those whom the API server keeps account of.
const OF_A_COMPANION: &str = "a companion";

#[derive(Deserialize)]
struct Role {
    role: String,
    verifier: Option<String>,
    superuser: bool,
    createrole: bool,
    createdb: bool,
    replication: bool,
    bypassrls: bool,
}

impl Role {
    fn attributes(&self) -> Vec<String> {
        let all = [
            (self.superuser, "SUPERUSER"),
            (self.createrole, "CREATEROLE"),
            (self.createdb, "CREATEDB"),
            (self.replication, "REPLICATION"),
            (self.bypassrls, "BYPASSRLS"),
        ];
        all.into_iter().filter(|(given, _)| *given).map(|(_, name)| name.to_owned()).collect()
    }
}

impl Bench {
    /// What there is to say of each declared credential. Without a database of ours, nothing.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(in crate::bench) async fn credential_states(
        &self,
        secrets: &[Secret],
    ) -> Result<Vec<CredentialState>, BenchError> {
        if self.installation.server().is_none() || self.installation.credentials.is_empty() {
            return Ok(Vec::new());
        }
        let secrets: BTreeMap<String, &Secret> = secrets.iter().map(|secret| (secret.name_any(), secret)).collect();
        let roles = self.roles().await?;
        let state = |declared: &CredentialSecret| {
            let role = roles.iter().find(|role| role.role == declared.role);
            state_of(declared, secrets.get(&declared.secret).copied(), role, &self.installation)
        };
        Ok(self.installation.credentials.iter().map(state).collect())
    }

    /// The verifiers of the roles that have a password, by role.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(in crate::bench) async fn verifiers(&self) -> Result<BTreeMap<String, String>, BenchError> {
        Ok(self.roles().await?.into_iter().filter_map(|role| Some((role.role, role.verifier?))).collect())
    }

    async fn roles(&self) -> Result<Vec<Role>, BenchError> {
        let roles = self.database()?.rows::<Role>(ROLES).await;
        roles.map_err(|source| self.unanswered(source))
    }
}

fn state_of(
    declared: &CredentialSecret,
    secret: Option<&Secret>,
    role: Option<&Role>,
    installation: &Installation,
) -> CredentialState {
    let text = |key: &str| {
        let value = secret?.data.as_ref()?.get(key)?;
        std::str::from_utf8(&value.0).ok()
    };
    let password = text(&declared.password_key);
    let owners = secret.map(ResourceExt::owner_references).unwrap_or_default();
    // It is applied by our hand, and is somebody else's work all the same.
    let brought = installation.brings(&declared.secret);
    let by_a_companion = secret.filter(|_| brought).map(|_| OF_A_COMPANION.to_owned());
    CredentialState {
        secret: declared.secret.clone(),
        role: declared.role.clone(),
        exists: secret.is_some(),
        labels: secret.map(|secret| secret.labels().keys().cloned().collect()).unwrap_or_default(),
        owners: owners.iter().map(|owner| format!("{}/{}", owner.kind, owner.name)).collect(),
        writers: secret.map(writers).into_iter().flatten().chain(by_a_companion).collect(),
        given: brought || password.is_some_and(|password| installation.gives(password)),
        username: text(&declared.username_key).map(str::to_owned),
        length: password.map(|password| password.trim().chars().count()),
        declared_length: installation.password_length,
        untidy: password.is_some_and(|text| text != text.trim() || text.trim().chars().any(char::is_control)),
        agrees: password
            .zip(role.and_then(|role| role.verifier.as_deref()))
            .and_then(|(password, verifier)| verifies(verifier, password)),
        attributes: role.map(Role::attributes),
    }
}

/// Who owns a field of a Secret's data, by the API server's account of who applied or updated what.
pub(in crate::bench) fn writers(secret: &Secret) -> Vec<String> {
    let entries = secret.metadata.managed_fields.iter().flatten();
    let of_data =
        entries.filter(|entry| entry.fields_v1.as_ref().is_some_and(|fields| fields.0.get("f:data").is_some()));
    let names: BTreeSet<String> = of_data.filter_map(|entry| entry.manager.clone()).collect();
    names.into_iter().filter(|name| name != FIELD_MANAGER).collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use k8s_openapi::api::core::v1::Secret;

    use super::{OF_A_COMPANION, Role, state_of};
    use crate::bench::{CredentialSecret, Installation};

    /// The verifier of `pencil`: the example of RFC 7677, section 3.
    const PENCIL: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
                          WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

    fn role() -> Role {
        Role {
            role: "app".into(),
            verifier: Some(PENCIL.into()),
            superuser: false,
            createrole: true,
            createdb: false,
            replication: false,
            bypassrls: false,
        }
    }

    fn secret(password: &str) -> Secret {
        let data = [("username", "app"), ("password", password)];
        let data = data.map(|(key, text)| (key.to_owned(), ByteString(text.as_bytes().to_vec())));
        Secret { data: Some(data.into()), ..Secret::default() }
    }

    fn declared() -> CredentialSecret {
        CredentialSecret {
            secret: "app".into(),
            role: "app".into(),
            username_key: "username".into(),
            password_key: "password".into(),
            uri_key: None,
            database: None,
            derived: Vec::new(),
            inline: false,
        }
    }

    #[test]
    fn a_secret_agrees_with_its_role_or_not() {
        let (declared, role, installation) = (declared(), role(), Installation::default());
        let state = |password: &str| state_of(&declared, Some(&secret(password)), Some(&role), &installation);
        assert_eq!((state("pencil").agrees, state("pencil\n").agrees), (Some(true), Some(false)));
        assert_eq!((state("pencil").untidy, state("pencil\n").untidy), (false, true));
        assert_eq!(state("pencil").attributes, Some(vec!["CREATEROLE".to_owned()]));
    }

    #[test]
    fn who_wrote_what_a_secret_holds_is_known_and_we_are_not_among_them() {
        let managed =
            |manager: &str, fields: serde_json::Value| serde_json::json!({"manager": manager, "fieldsV1": fields});
        let fields = [
            managed("helm", serde_json::json!({"f:data": {"f:password": {}}})),
            managed("kubectl", serde_json::json!({"f:metadata": {"f:annotations": {}}})),
            managed(crate::cluster::FIELD_MANAGER, serde_json::json!({"f:data": {"f:password": {}}})),
        ];
        let secret = serde_json::from_value(serde_json::json!({"metadata": {"name": "app", "managedFields": fields}}));
        assert_eq!(super::writers(&secret.unwrap()), ["helm"]);
    }

    #[test]
    fn what_a_companion_brings_is_written_by_one_and_given() {
        let companion = serde_json::json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app"}, "stringData": {"password": "pencil"},
        });
        let brought =
            Installation { companions: vec![serde_json::from_value(companion).unwrap()], ..Installation::default() };
        let mut secret = secret("pencil");
        let state = |secret: &Secret, installation: &Installation| {
            let state = state_of(&declared(), Some(secret), None, installation);
            (state.writers, state.given)
        };
        assert_eq!(state(&secret, &Installation::default()), (Vec::new(), false));
        assert_eq!(state(&secret, &brought), (vec![OF_A_COMPANION.to_owned()], true));
        // Who writes it beside the companion is one too many.
        let entry = serde_json::json!({"manager": "external-secrets", "fieldsV1": {"f:data": {"f:password": {}}}});
        secret.metadata.managed_fields = Some(vec![serde_json::from_value(entry).unwrap()]);
        assert_eq!(state(&secret, &brought).0, ["external-secrets", OF_A_COMPANION]);
        let absent = state_of(&declared(), None, None, &brought);
        assert_eq!((absent.exists, absent.writers), (false, Vec::new()));
    }

    #[test]
    fn a_password_out_of_the_values_is_given() {
        let installation = Installation { given: vec!["pencil".to_owned().into()], ..Installation::default() };
        let given = |password: &str| state_of(&declared(), Some(&secret(password)), None, &installation).given;
        assert_eq!((given("pencil"), given("pencil2")), (true, false));
    }

    #[test]
    fn what_is_not_there_is_said_to_be_absent() {
        let state = state_of(&declared(), None, None, &Installation::default());
        assert_eq!((state.exists, state.agrees, state.attributes), (false, None, None));
    }
}
