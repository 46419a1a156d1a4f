//! Databases in which every new table takes a while, so that a migration can be caught half-way.
//!
//! Event triggers of the superuser's do it; the migration itself stays as it is.

use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use serde::Deserialize;

use crate::bench::{Bench, BenchError};
use crate::error::Chain;
use crate::wait::{Budget, Progress, poll_until};

const THERE: Budget = Budget::seconds("the databases that are migrated to be there", 60);
const HALF_WAY: Budget = Budget::seconds("the migration to be half-way", 45);

/// Long enough to be seen and to kill a pod in.
const SLOW: &str = "create function public.holdfast_slow() returns event_trigger language plpgsql \
     as 'begin perform pg_sleep(3); end'; \
     create event trigger holdfast_slow on ddl_command_end when tag in ('CREATE TABLE') \
     execute function public.holdfast_slow();";
const AS_BEFORE: &str = "drop event trigger if exists holdfast_slow; drop function if exists public.holdfast_slow();";

#[derive(Deserialize)]
struct Name {
    name: String,
}

impl Bench {
    /// Waits until these databases are there: an operator makes them a moment after the server.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(crate) async fn databases_are_there(&self, names: &[String]) -> Result<(), BenchError> {
        let there = poll_until(self.allow(THERE), || async {
            match self.names("select datname as name from pg_database").await {
                Ok(there) => match names.iter().find(|name| !there.contains(name)) {
                    Some(name) => Progress::NotYet(format!("there is no database {name}")),
                    None => Progress::Ready(()),
                },
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        there.await.map_err(|error| self.waited(error))
    }

    /// Lets every new table in these databases take a while.
    ///
    /// # Errors
    /// When the server refuses.
    pub(crate) async fn slow_down(&self, databases: &[String]) -> Result<(), BenchError> {
        self.execute_in_all(databases, SLOW).await
    }

    /// Takes that back.
    ///
    /// # Errors
    /// When the server refuses.
    pub(crate) async fn as_quick_as_before(&self, databases: &[String]) -> Result<(), BenchError> {
        self.execute_in_all(databases, AS_BEFORE).await
    }

    async fn execute_in_all(&self, databases: &[String], statements: &str) -> Result<(), BenchError> {
        let server = self.database()?;
        for name in databases {
            let executed = server.execute_in(name, statements).await;
            executed.map_err(|source| self.unanswered(source))?;
        }
        Ok(())
    }

    /// Waits until a table is being made in a database that has one already, and kills the pods of the migration then.
    ///
    /// # Errors
    /// When the migration never comes so far, or the API server refuses.
    pub(crate) async fn kill_migration_half_way(&self) -> Result<(), BenchError> {
        let half_way = poll_until(self.allow(HALF_WAY), || async {
            match self.is_half_way().await {
                Ok(true) => Progress::Ready(()),
                Ok(false) => Progress::NotYet("no table is being made beside another".into()),
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        half_way.await.map_err(|error| self.waited(error))?;
        let of_jobs = ListParams::default().labels("batch.kubernetes.io/job-name");
        let listed = self.pods().list_metadata(&of_jobs).await;
        let listed = listed.map_err(|source| self.objects("list the pods of Jobs", source))?;
        let jobs = &self.migration()?.jobs;
        let at_once = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        let is_own = |labels: &std::collections::BTreeMap<String, String>| {
            labels.get("batch.kubernetes.io/job-name").is_some_and(|job| jobs.contains(job))
        };
        for pod in listed.items.iter().filter(|pod| is_own(pod.labels())) {
            let killed = self.pods().delete(&pod.name_any(), &at_once).await;
            killed.map_err(|source| self.objects(format!("kill pod {}", pod.name_any()), source))?;
        }
        Ok(())
    }

    async fn is_half_way(&self) -> Result<bool, BenchError> {
        for name in self.names("select datname as name from pg_stat_activity where wait_event = 'PgSleep'").await? {
            // What is not committed is not seen.
            if self.schemas(&[name]).await?.iter().any(|schema| !schema.objects.is_empty()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn names(&self, query: &str) -> Result<Vec<String>, BenchError> {
        let names: Vec<Name> = self.database()?.rows(query).await.map_err(|source| self.unanswered(source))?;
        Ok(names.into_iter().map(|one| one.name).collect())
    }
}
