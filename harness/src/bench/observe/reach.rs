//! Who reaches what on a bench: asked of the API server and of the database, not read from manifests.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream;
use k8s_openapi::api::authorization::v1::{LocalSubjectAccessReview, ResourceAttributes, SubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{ListParams, ObjectMeta, PostParams};
use kube::{Api, ResourceExt};
use serde::Deserialize;

use crate::bench::application::OF_A_RELEASE;
use crate::bench::{Bench, BenchError, CredentialSecret};
use crate::graph::ways_in;
use crate::probe::Credential;
use crate::record::{Account, DatabaseState, Entrance};

const OWNERS: &str =
    "select datname as name, pg_get_userbyid(datdba) as owner from pg_database where not datistemplate";
/// Logins at once: each takes a session of the server.
const AT_ONCE: usize = 6;

#[derive(Deserialize)]
struct Owned {
    name: String,
    owner: String,
}

impl Bench {
    /// The accounts of the releases' pods, and whether each may list the Secrets of the namespace.
    ///
    /// # Errors
    /// When the API server does not say.
    pub(crate) async fn accounts(&self) -> Result<Vec<Account>, BenchError> {
        let listed = self.pods().list(&ListParams::default().labels(OF_A_RELEASE)).await;
        let listed = listed.map_err(|source| self.objects("list the pods", source))?;
        let name = |pod: &Pod| pod.spec.as_ref()?.service_account_name.clone();
        let names: BTreeSet<String> = listed.items.iter().filter_map(name).collect();
        let mut accounts = Vec::new();
        for name in names {
            let lists_secrets = self.may_list_secrets(&name).await?;
            accounts.push(Account { name, lists_secrets });
        }
        Ok(accounts)
    }

    async fn may_list_secrets(&self, account: &str) -> Result<bool, BenchError> {
        let listing = ResourceAttributes {
            resource: Some("secrets".into()),
            verb: Some("list".into()),
            ..ResourceAttributes::default()
        };
        self.may(account, listing).await
    }

    /// Whether the API server lets an account of this namespace do something in it.
    ///
    /// # Errors
    /// When the API server does not say.
    async fn may(&self, account: &str, what: ResourceAttributes) -> Result<bool, BenchError> {
        self.may_in(self.namespace(), account, what).await
    }

    /// Whether the API server lets an account of this namespace do something in another one.
    ///
    /// # Errors
    /// When the API server does not say.
    pub(in crate::bench) async fn may_in(
        &self,
        namespace: &str,
        account: &str,
        what: ResourceAttributes,
    ) -> Result<bool, BenchError> {
        let review = LocalSubjectAccessReview {
            metadata: ObjectMeta { namespace: Some(namespace.to_owned()), ..ObjectMeta::default() },
            spec: SubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes { namespace: Some(namespace.to_owned()), ..what }),
                ..asker(self.namespace(), account)
            },
            ..LocalSubjectAccessReview::default()
        };
        let reviews: Api<LocalSubjectAccessReview> = Api::namespaced(self.cluster.client().clone(), namespace);
        let reviewed = reviews.create(&PostParams::default(), &review).await;
        let reviewed = reviewed.map_err(|source| self.objects(format!("ask what account {account} may do"), source))?;
        Ok(reviewed.status.is_some_and(|status| status.allowed))
    }

    /// The databases that the subject declares: who owns each, and which of the declared roles log into it.
    ///
    /// # Errors
    /// When the database cannot be asked, or a credential cannot be read.
    pub(crate) async fn databases(&self) -> Result<Vec<DatabaseState>, BenchError> {
        let declared = || self.installation.credentials.iter().filter(|one| one.database.is_some());
        if self.installation.database.is_none() || declared().next().is_none() {
            return Ok(Vec::new());
        }
        let owned = self.database()?.rows::<Owned>(OWNERS).await;
        let owned = owned.map_err(|source| BenchError::Query { namespace: self.namespace.clone(), source })?;
        let owners: BTreeMap<String, String> = owned.into_iter().map(|one| (one.name, one.owner)).collect();
        let mut credentials = Vec::new();
        for one in &self.installation.credentials {
            credentials.extend(self.credential(one).await?);
        }
        let mut states = Vec::new();
        for one in declared() {
            states.push(self.state_of_database(one, &owners, &credentials).await?);
        }
        Ok(states)
    }

    async fn state_of_database(
        &self,
        declared: &CredentialSecret,
        owners: &BTreeMap<String, String>,
        credentials: &[Credential],
    ) -> Result<DatabaseState, BenchError> {
        let name = declared.database.clone().unwrap_or_default();
        let tries = credentials.iter().map(async |credential| {
            let there = Credential { database: name.clone(), ..credential.clone() };
            Ok::<_, BenchError>((credential.role.clone(), self.try_verified(&there).await?.to_string()))
        });
        let ended: Vec<Result<(String, String), BenchError>> = stream::iter(tries).buffered(AT_ONCE).collect().await;
        Ok(DatabaseState {
            owner: owners.get(&name).cloned(),
            declared: declared.role.clone(),
            logins: ended.into_iter().collect::<Result<_, _>>()?,
            name,
        })
    }

    /// The Services that lead to the database, and the Ingresses that lead to one of them.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub(crate) async fn entrances(&self) -> Result<Vec<Entrance>, BenchError> {
        let Some(server) = self.installation.server() else { return Ok(Vec::new()) };
        let pods = self.pods().list(&ListParams::default().labels(&server.selector())).await;
        let pods = pods.map_err(|source| self.objects("list the pods of the database", source))?;
        let services = self.api::<Service>().list(&ListParams::default()).await;
        let services = services.map_err(|source| self.objects("list the Services", source))?;
        let selects = |service: &&Service| {
            let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
            let of = |pod: &Pod| {
                selector.is_some_and(|all| all.iter().all(|(key, value)| pod.labels().get(key) == Some(value)))
            };
            selector.is_some_and(|all| !all.is_empty()) && pods.items.iter().any(of)
        };
        let mut entrances: Vec<Entrance> = services.items.iter().filter(selects).map(entrance).collect();
        let ingresses = self.api::<Ingress>().list(&ListParams::default()).await;
        let ingresses = ingresses.map_err(|source| self.objects("list the Ingresses", source))?;
        let names: BTreeSet<String> = entrances.iter().map(|one| one.object.replace("service/", "")).collect();
        for ingress in ingresses.items.iter().filter(|ingress| backends(ingress).iter().any(|one| names.contains(one)))
        {
            let object = format!("ingress/{}", ingress.name_any());
            entrances.push(Entrance { object, ways_in: vec!["an Ingress".into()] });
        }
        Ok(entrances)
    }
}

/// An account as the API server knows it once it has logged in. A review adds no group by itself.
fn asker(namespace: &str, account: &str) -> SubjectAccessReviewSpec {
    let own = format!("system:serviceaccounts:{namespace}");
    SubjectAccessReviewSpec {
        user: Some(format!("system:serviceaccount:{namespace}:{account}")),
        groups: Some(vec!["system:serviceaccounts".into(), own, "system:authenticated".into()]),
        ..SubjectAccessReviewSpec::default()
    }
}

fn entrance(service: &Service) -> Entrance {
    let value = serde_json::to_value(service).unwrap_or_default();
    Entrance { object: format!("service/{}", service.name_any()), ways_in: ways_in(&value) }
}

fn backends(ingress: &Ingress) -> BTreeSet<String> {
    let spec = ingress.spec.iter();
    let rules = spec.clone().flat_map(|spec| spec.rules.iter().flatten());
    let paths = rules.flat_map(|rule| rule.http.iter().flat_map(|http| &http.paths)).map(|path| &path.backend);
    let all = spec.flat_map(|spec| &spec.default_backend).chain(paths);
    all.filter_map(|backend| Some(backend.service.as_ref()?.name.clone())).collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Service;
    use k8s_openapi::api::networking::v1::Ingress;
    use serde_json::json;

    use super::{asker, backends, entrance};

    #[test]
    fn an_account_asks_with_all_its_groups() {
        let asker = asker("hf-1", "shop");
        assert_eq!(asker.user.as_deref(), Some("system:serviceaccount:hf-1:shop"));
        let groups = ["system:serviceaccounts", "system:serviceaccounts:hf-1", "system:authenticated"];
        assert_eq!(asker.groups.unwrap_or_default(), groups);
    }

    #[test]
    fn a_service_says_what_opens_it() {
        let service: Service =
            serde_json::from_value(json!({"metadata": {"name": "db"}, "spec": {"type": "NodePort"}})).unwrap();
        assert_eq!(
            (entrance(&service).object.as_str(), entrance(&service).ways_in),
            ("service/db", vec!["type NodePort".to_owned()])
        );
    }

    #[test]
    fn an_ingress_leads_to_services() {
        let backend = |name: &str| json!({"service": {"name": name, "port": {"number": 5432}}});
        let ingress: Ingress = serde_json::from_value(json!({"spec": {
            "defaultBackend": backend("front"),
            "rules": [{"http": {"paths": [{"pathType": "Prefix", "backend": backend("db")}]}}],
        }}))
        .unwrap();
        assert_eq!(backends(&ingress).into_iter().collect::<Vec<_>>(), ["db", "front"]);
    }
}
