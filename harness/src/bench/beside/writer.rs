//! The writer on a bench: a pod of the stand-in application that dials the database as the subject's own pods do.
//!
//! It keeps its history itself and stamps the marks with its own clock: what an experiment does to the API server or to
//! the database never reaches what was written down.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::tool::Tool;
use crate::bench::database::is_ready;
use crate::bench::{Bench, BenchError};
use crate::error::Chain;
use crate::history::History;
use crate::wait::{Budget, Progress, poll_until};

/// Its pod, and the volume folders in it.
const NAME: &str = "holdfast-writer";
const PORT: u16 = 8080;
const CREDENTIAL: &str = "/holdfast/credential";
const CA: &str = "/holdfast/ca";
const TABLE: &str = "holdfast_writes";

const WRITING: Budget = Budget::seconds("the writer to have written in both lanes", 45);
const GOES_ON: Budget = Budget::seconds("a write in both lanes", 30);
/// The mark from which on the writer has to show that it still writes.
const GOING_ON: &str = "the writer still writes";
const STOPPED: Budget = Budget::seconds("the operations of the writer to end", 20);

/// A writer that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    /// The database whose table it appends to.
    database: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
}

impl Bench {
    /// Starts a writer with the credential of the application, and waits until it has written in both lanes.
    ///
    /// It reads the URI and the CA from files that the kubelet refreshes, as an application that needs no restart does.
    ///
    /// # Errors
    /// When the subject does not say where its credential is, or nothing is written within the budget.
    pub(crate) async fn start_writer(&self) -> Result<Writer, BenchError> {
        let credential = self.required_credential().await?;
        self.start_tool(&self.writer_tool()?).await?;
        self.tool_is(NAME, WRITING, "it has not written in both lanes", is_ready).await?;
        Ok(Writer { database: credential.database })
    }

    /// Has the writer stamp what is done now.
    ///
    /// # Errors
    /// When the writer does not answer.
    pub(crate) async fn mark(&self, name: &str) -> Result<Timestamp, BenchError> {
        #[derive(Deserialize)]
        struct Stamped {
            wall: Timestamp,
        }
        let stamped: Stamped = self.ask_writer("POST", "marks", Some(json!({"name": name}))).await?;
        Ok(stamped.wall)
    }

    /// Waits until the writer has had a write acknowledged in both lanes since this moment.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(crate) async fn writer_goes_on(&self) -> Result<(), BenchError> {
        let since = self.mark(GOING_ON).await?;
        let wrote = poll_until(self.allow(GOES_ON), || async {
            match self.ask_writer::<Value>("GET", "summary", None).await {
                Ok(summary) => match lane_without_write(&summary, since) {
                    Some(lane) => Progress::NotYet(format!("nothing in lane {lane}")),
                    None => Progress::Ready(()),
                },
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        wrote.await.map_err(|error| self.waited(error))
    }

    /// Stops the writer, reads its history, compares it with the rows in the database, and takes its pod away.
    ///
    /// # Errors
    /// When the writer does not answer, or the database cannot be asked.
    pub(crate) async fn finish_writer(&self, writer: &Writer) -> Result<History, BenchError> {
        let _: Value = self.ask_writer("POST", "stop", None).await?;
        let stopped = poll_until(self.allow(STOPPED), || async {
            match self.ask_writer::<Value>("GET", "summary", None).await {
                Ok(summary) => match in_flight(&summary) {
                    0 => Progress::Ready(()),
                    some => Progress::NotYet(format!("{some} are in flight")),
                },
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        stopped.await.map_err(|error| self.waited(error))?;
        let told = self.request_writer("GET", "history", None).await?;
        let rows = self.database()?.rows_of::<Row>(&writer.database, &format!("select id from {TABLE}")).await;
        let rows = rows.map_err(|source| BenchError::Query { namespace: self.namespace.clone(), source })?;
        let stored: BTreeSet<String> = rows.into_iter().map(|row| row.id).collect();
        let history = History::read(&told, &stored).map_err(|source| BenchError::History { source })?;
        self.remove_writer().await?;
        Ok(history)
    }

    /// Takes the writer's pod away, whatever it has written.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(crate) async fn remove_writer(&self) -> Result<(), BenchError> {
        self.remove_tool(NAME).await
    }

    async fn ask_writer<T: serde::de::DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, BenchError> {
        let text = self.request_writer(method, path, body).await?;
        serde_json::from_str(&text).map_err(|source| BenchError::Writer { path: path.to_owned(), source })
    }

    async fn request_writer(&self, method: &str, path: &str, body: Option<Value>) -> Result<String, BenchError> {
        self.request_tool(method, NAME, PORT, path, body).await
    }

    fn writer_tool(&self) -> Result<Tool<'_>, BenchError> {
        let declared = self.declared_credential()?;
        let trust = self.installation.trust.as_ref().ok_or_else(|| {
            BenchError::Unsuited("the subject names no CA under which the writer could trust the database".into())
        })?;
        let uri = declared.uri_key.as_ref().ok_or_else(|| {
            BenchError::Unsuited("the subject does not say under `database.credentials` which key has the URI".into())
        })?;
        let variables = [
            ("DATABASE_URL_FILE", format!("{CREDENTIAL}/{uri}")),
            ("PGSSLMODE", "verify-full".to_owned()),
            ("PGSSLROOTCERT", format!("{CA}/{}", trust.key)),
            ("WRITE_TABLE", TABLE.to_owned()),
            // The steady lane tells what becomes of sessions that were there before; new ones are the other lane's.
            ("POOL_MAX_LIFETIME", "10m".to_owned()),
        ];
        Ok(Tool {
            name: NAME,
            kind: "writer",
            mode: "write",
            variables: variables.iter().map(|(name, value)| json!({"name": name, "value": value})).collect(),
            container: json!({
                "readinessProbe": {"httpGet": {"path": "/readyz", "port": PORT}, "periodSeconds": 1},
                "volumeMounts": [
                    {"name": "credential", "mountPath": CREDENTIAL, "readOnly": true},
                    {"name": "ca", "mountPath": CA, "readOnly": true},
                ],
            }),
            volumes: json!([
                {"name": "credential", "secret": {
                    "secretName": declared.secret,
                    "items": [{"key": uri, "path": uri}],
                }},
                {"name": "ca", "secret": {
                    "secretName": trust.secret, "items": [{"key": trust.key, "path": trust.key}],
                }},
            ]),
        })
    }
}

/// A lane whose last acknowledgement is from before a moment.
fn lane_without_write(summary: &Value, since: Timestamp) -> Option<String> {
    let lanes = summary.get("lanes").and_then(Value::as_object)?;
    let wrote = |lane: &Value| lane.pointer("/lastOk/wall")?.as_str()?.parse::<Timestamp>().ok();
    lanes.iter().find(|(_, lane)| wrote(lane).is_none_or(|at| at <= since)).map(|(name, _)| name.clone())
}

fn in_flight(summary: &Value) -> u64 {
    let lanes = summary.get("lanes").and_then(Value::as_object);
    lanes.into_iter().flatten().filter_map(|(_, lane)| lane.get("inFlight")?.as_u64()).sum()
}
