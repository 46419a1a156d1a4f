//! What stands on the volume of a bundled PostgreSQL: rows by which it is known again, the application's tables, claims.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams, PartialObjectMeta};
use serde::Deserialize;

use crate::bench::{Bench, BenchError, BundledServer};
use crate::error::Chain;
use crate::probe::QueryError;
use crate::record::Stored;
use crate::wait::{Budget, Progress, poll_until};

/// The table by which a volume is known again. Whoever finds it knows to whom it belongs.
const TABLE: &str = "holdfast_kept";
const ROWS: u64 = 100;

/// Neither succeeded nor failed.
const GOING_ON: &str = "status.phase!=Succeeded,status.phase!=Failed";

const ANSWER: Budget = Budget::seconds("the bundled PostgreSQL to answer its superuser", 60);
const GONE: Budget = Budget::seconds("every pod of the releases to be gone", 60);

#[derive(Deserialize)]
struct Table {
    name: String,
}

#[derive(Deserialize)]
struct Count {
    rows: u64,
}

impl Bench {
    /// Leaves rows in the application's database, by which its volume is known again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn leave_rows(&self, of: &BundledServer) -> Result<(), BenchError> {
        let rows = format!("create table if not exists {TABLE} as select generate_series(1, {ROWS}) as id;");
        let left = self.database_at(of.server()).execute_in(&self.database_of(of), &rows).await;
        left.map_err(|source| self.unanswered(source))
    }

    /// What stands on the volume now.
    ///
    /// # Errors
    /// When the database does not answer within its budget, or the claims cannot be listed.
    pub(crate) async fn stored(&self, of: &BundledServer) -> Result<Stored, BenchError> {
        let database = self.database_at(of.server());
        let name = self.database_of(of);
        let tables = "select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                      where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') order by 1";
        let tables = poll_until(self.allow(ANSWER), || async {
            match database.rows_of::<Table>(&name, tables).await {
                Ok(tables) => Progress::Ready(tables),
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        let tables = tables.await.map_err(|error| self.waited(error))?;
        let mut names: Vec<String> = tables.into_iter().map(|table| table.name).collect();
        let rows = if names.iter().any(|name| name == TABLE) {
            let counted = database.rows_of::<Count>(&name, &format!("select count(*) as rows from {TABLE}")).await;
            counted.map_err(|source| self.unanswered(source))?.first().map(|count| count.rows)
        } else {
            None
        };
        names.retain(|name| name != TABLE);
        Ok(Stored { release: of.release.clone(), rows, tables: names, claims: self.claims_of(of).await? })
    }

    /// Removes the claims of a PostgreSQL that Holdfast installed beside the subject.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(crate) async fn remove_claims(&self, of: &BundledServer) -> Result<(), BenchError> {
        let api = self.api::<PersistentVolumeClaim>();
        for name in self.claims_of(of).await?.into_keys() {
            let deleted = api.delete(&name, &DeleteParams::default()).await;
            deleted.map_err(|source| self.objects(format!("delete claim {name}"), source))?;
        }
        Ok(())
    }

    /// Waits until no pod of the releases runs. Those of hooks stay when they have ended.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(crate) async fn pods_are_gone(&self) -> Result<(), BenchError> {
        let of_a_release = ListParams::default().labels(crate::bench::application::OF_A_RELEASE).fields(GOING_ON);
        let gone = poll_until(self.allow(GONE), || async {
            match self.pods().list_metadata(&of_a_release).await {
                Ok(pods) => match pods.items.first() {
                    Some(pod) => Progress::NotYet(format!("pod {} is still there", pod.name_any())),
                    None => Progress::Ready(()),
                },
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        gone.await.map_err(|error| self.waited(error))
    }

    async fn claims_of(&self, of: &BundledServer) -> Result<BTreeMap<String, String>, BenchError> {
        let listed = self.api::<PersistentVolumeClaim>().list_metadata(&ListParams::default()).await;
        let listed = listed.map_err(|source| self.objects("list the volume claims", source))?;
        let suffix = format!("-{}-0", of.stateful_set);
        let own = listed.items.into_iter().filter(|claim| claim.name_any().ends_with(&suffix));
        // A claim in use goes when its pod does; from then on its data are as good as lost.
        let state = |claim: PartialObjectMeta<PersistentVolumeClaim>| {
            let uid = claim.metadata.uid.clone().unwrap_or_default();
            let leaving = claim.metadata.deletion_timestamp.is_some();
            (claim.name_any(), if leaving { format!("{uid}, being deleted") } else { uid })
        };
        Ok(own.map(state).collect())
    }

    /// The application's database: the one that its credential names, else the one that is called as its role.
    fn database_of(&self, of: &BundledServer) -> String {
        let declared = self.installation.credentials.first().and_then(|one| one.database.clone());
        declared.unwrap_or_else(|| of.superuser.clone())
    }

    pub(in crate::bench) fn unanswered(&self, source: QueryError) -> BenchError {
        BenchError::Query { namespace: self.namespace.clone(), source }
    }
}
