//! Starting an application afresh: its replicas stopped, its databases without anything in them, its replicas started.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::ResourceExt;
use kube::api::{ListParams, Patch, PatchParams};
use serde::Deserialize;
use serde_json::json;

use crate::bench::application::OF_A_RELEASE;
use crate::bench::{Bench, BenchError};
use crate::error::Chain;
use crate::wait::{Budget, Progress, poll_until, workload_of};

const STOPPED: Budget = Budget::seconds("every pod of the stopped workloads to be gone", 60);

/// A database as it has to be made again.
#[derive(Deserialize)]
struct Owned {
    owner: String,
}

/// What an operator or a person has put into a database before the application came.
#[derive(Deserialize)]
struct Prepared {
    statement: String,
}

const PREPARED: &str = "select format('create schema if not exists %I authorization %I', nspname, pg_get_userbyid(nspowner)) \
     as statement from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'public') \
     union all select format('create extension if not exists %I', extname) from pg_extension where extname <> 'plpgsql'";

impl Bench {
    /// Scales workloads to zero, each written as `deployment/shop`, and waits until their pods are gone; returns how many
    /// replicas each had.
    ///
    /// # Errors
    /// When one is neither a Deployment nor a `StatefulSet`, the API server refuses, or a pod stays.
    pub(crate) async fn stop(&self, workloads: &[String]) -> Result<BTreeMap<String, i32>, BenchError> {
        let mut counts = BTreeMap::new();
        for workload in workloads {
            counts.insert(workload.clone(), self.scale(workload, 0).await?);
        }
        let of_a_release = ListParams::default().labels(OF_A_RELEASE);
        let gone = poll_until(self.allow(STOPPED), || async {
            // Also those that are on their way out: until they have ended they dial the database.
            match self.pods().list(&of_a_release).await {
                Ok(pods) => match pods.items.iter().find(|pod| workloads.contains(&workload_of(pod))) {
                    Some(pod) => Progress::NotYet(format!("pod {} is still there", pod.name_any())),
                    None => Progress::Ready(()),
                },
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        gone.await.map_err(|error| self.waited(error))?;
        Ok(counts)
    }

    /// Scales workloads back to as many replicas as they had.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(crate) async fn start(&self, counts: &BTreeMap<String, i32>) -> Result<(), BenchError> {
        for (workload, count) in counts {
            self.scale(workload, *count).await?;
        }
        Ok(())
    }

    /// Scales one workload, and returns how many replicas it was to have before.
    async fn scale(&self, workload: &str, count: i32) -> Result<i32, BenchError> {
        let patch = Patch::Merge(json!({"spec": {"replicas": count}}));
        let parameters = PatchParams::default();
        let unscaled = |source| self.objects(format!("scale {workload}"), source);
        let (before, scaled) = match workload.split_once('/') {
            Some(("deployment", name)) => {
                let api = self.api::<Deployment>();
                let before = api.get_scale(name).await.map_err(unscaled)?;
                (before, api.patch_scale(name, &parameters, &patch).await)
            }
            Some(("statefulset", name)) => {
                let api = self.api::<StatefulSet>();
                let before = api.get_scale(name).await.map_err(unscaled)?;
                (before, api.patch_scale(name, &parameters, &patch).await)
            }
            _ => {
                return Err(BenchError::Unsuited(format!(
                    "{workload} is neither a deployment nor a statefulset, so it cannot be stopped and started"
                )));
            }
        };
        scaled.map_err(unscaled)?;
        Ok(before.spec.and_then(|spec| spec.replicas).unwrap_or(1))
    }

    /// The databases of the declared credentials.
    ///
    /// # Errors
    /// When a credential cannot be read.
    pub(crate) async fn own_databases(&self) -> Result<Vec<String>, BenchError> {
        let mut names = BTreeSet::new();
        for declared in &self.installation.credentials {
            names.extend(self.credential(declared).await?.map(|credential| credential.database));
        }
        Ok(names.into_iter().collect())
    }

    /// Makes these databases anew: each belongs to whom it belonged, with the schemas and extensions that it had, empty.
    ///
    /// # Errors
    /// When the server refuses.
    pub(crate) async fn empty(&self, databases: &[String]) -> Result<(), BenchError> {
        let server = self.database()?;
        let unanswered = |source| self.unanswered(source);
        for name in databases {
            let owner = format!(
                "select pg_get_userbyid(datdba) as owner from pg_database where datname = '{}'",
                name.replace('\'', "''")
            );
            let owned: Vec<Owned> = server.rows(&owner).await.map_err(unanswered)?;
            let Some(Owned { owner }) = owned.into_iter().next() else { continue };
            let prepared: Vec<Prepared> = server.rows_of(name, PREPARED).await.map_err(unanswered)?;
            let (database, owner) = (quoted(name), quoted(&owner));
            let anew = format!("drop database {database} with (force);\ncreate database {database} owner {owner};");
            server.execute(&anew).await.map_err(unanswered)?;
            if !prepared.is_empty() {
                let statements: Vec<String> = prepared.into_iter().map(|one| format!("{};", one.statement)).collect();
                server.execute_in(name, &statements.join("\n")).await.map_err(unanswered)?;
            }
        }
        Ok(())
    }
}

/// A name as SQL takes it whatever is in it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_name_is_quoted_whatever_is_in_it() {
        assert_eq!(quoted("my-app"), "\"my-app\"");
        assert_eq!(quoted("a\"; drop"), "\"a\"\"; drop\"");
    }
}
