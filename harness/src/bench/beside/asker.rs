//! A client of the application that never stops asking: a pod of the stand-in application with one key.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::json;

use super::tool::Tool;
use crate::bench::database::is_ready;
use crate::bench::{Bench, BenchError};
use crate::wait::Budget;

const PORT: u16 = 8080;
const CA: &str = "/holdfast/ca";
const KEY: &str = "key";
/// Often enough that a gap of a second is seen many times.
const INTERVAL: &str = "100ms";
/// The counter of questions, by outcome.
const COUNTER: &str = "workload_questions_total{outcome=\"";

const ANSWERED: Budget = Budget::seconds("the client to be answered", 45);

impl Bench {
    /// Starts a client with that key, and waits until it is answered.
    ///
    /// # Errors
    /// When the subject serves no TLS, or the client is not answered within the budget.
    pub(crate) async fn start_asker(&self, name: &str, key: &SecretString) -> Result<(), BenchError> {
        let front = self.front()?.clone();
        let certificate = front.certificate.ok_or_else(|| {
            BenchError::Unsuited("the subject serves no TLS, and the client asks over nothing else".into())
        })?;
        let service = self.front_port().await?;
        self.give_tool(name, KEY, key).await?;
        let url = format!("https://{}:{service}{}", front.service, front.path);
        let tool = Tool {
            name,
            kind: "client",
            mode: "agent",
            variables: vec![
                json!({"name": "SERVER_URL", "value": url}),
                json!({"name": "SERVER_CA_FILE", "value": format!("{CA}/ca.crt")}),
                json!({"name": "POLL_INTERVAL", "value": INTERVAL}),
                json!({"name": "API_KEY", "valueFrom": {"secretKeyRef": {"name": name, "key": KEY}}}),
            ],
            container: json!({
                "readinessProbe": {"httpGet": {"path": "/readyz", "port": PORT}, "periodSeconds": 1},
                "volumeMounts": [{"name": "ca", "mountPath": CA, "readOnly": true}],
            }),
            volumes: json!([{"name": "ca", "secret": {
                "secretName": certificate, "items": [{"key": "ca.crt", "path": "ca.crt"}],
            }}]),
        };
        self.start_tool(&tool).await?;
        self.tool_is(name, ANSWERED, "no question was answered", is_ready).await
    }

    /// Takes the client away, and its key.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(crate) async fn remove_asker(&self, name: &str) -> Result<(), BenchError> {
        self.remove_tool_and_secret(name).await
    }

    /// How its questions went so far, by the status of the answer or by why there was none.
    ///
    /// # Errors
    /// When the client does not tell.
    pub(crate) async fn asker_counts(&self, name: &str) -> Result<BTreeMap<String, u64>, BenchError> {
        let text = self.request_tool("GET", name, PORT, "metrics", None).await?;
        Ok(counts(&text))
    }
}

fn counts(metrics: &str) -> BTreeMap<String, u64> {
    let count = |line: &str| {
        let (outcome, number) = line.strip_prefix(COUNTER)?.split_once("\"} ")?;
        Some((outcome.to_owned(), number.trim().parse().ok()?))
    };
    metrics.lines().filter_map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn questions_are_counted_by_their_outcome() {
        let text = "# TYPE workload_questions_total counter\nworkload_questions_total{outcome=\"200\"} 41\n\
                    workload_questions_total{outcome=\"network\"} 2\nother 3\n";
        assert_eq!(counts(text), [("200".to_owned(), 41), ("network".to_owned(), 2)].into());
    }
}
