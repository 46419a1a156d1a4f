//! A login from a pod of its own.
//!
//! docker-library's image believes everybody who comes from its own address, and a forwarded port does. Whether a
//! password opens anything is seen from another pod only.

use std::sync::atomic::{AtomicU32, Ordering};

use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize;
use serde_json::json;

use super::tool::Tool;
use crate::bench::logs::Life;
use crate::bench::{Bench, BenchError};
use crate::probe::{Credential, Login};
use crate::wait::Budget;

const PORT: &str = "5432";
/// What the pod is, and the name of its container.
const KIND: &str = "client";
/// The key of the password, in the Secret that is made for the attempt.
const PASSWORD: &str = "password";

const ANSWERED: Budget = Budget::seconds("a pod to try a login and end", 45);

/// So that two attempts at once have two pods.
static ATTEMPTS: AtomicU32 = AtomicU32::new(0);

/// What the stand-in application says of an attempt.
#[derive(Deserialize)]
struct Answer {
    connected: bool,
    #[serde(default)]
    failures: Vec<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    sqlstate: String,
    kind: String,
    story: String,
}

impl Bench {
    /// Logs in at the database as another pod of the namespace would, with that sslmode, and says how that ended.
    ///
    /// # Errors
    /// When there is no primary, or the pod cannot be made or does not end.
    pub(crate) async fn try_from_a_pod(&self, credential: &Credential, mode: &str) -> Result<Login, BenchError> {
        let name = format!("holdfast-client-{}", ATTEMPTS.fetch_add(1, Ordering::Relaxed));
        let address = self.address_of_primary().await?;
        self.give_tool(&name, PASSWORD, &credential.password).await?;
        let plain = [
            ("PGHOST", address.as_str()),
            ("PGPORT", PORT),
            ("PGUSER", &credential.role),
            ("PGDATABASE", &credential.database),
            ("PGSSLMODE", mode),
            ("PGAPPNAME", "holdfast"),
            ("LOG_LEVEL", "off"),
        ];
        let secret = json!({"name": "PGPASSWORD", "valueFrom": {"secretKeyRef": {"name": name, "key": PASSWORD}}});
        let plain = plain.iter().map(|(name, value)| json!({"name": name, "value": value}));
        let tool = Tool {
            name: &name,
            kind: KIND,
            mode: "connect",
            variables: plain.chain([secret]).collect(),
            container: json!({}),
            volumes: json!([]),
        };
        self.start_tool(&tool).await?;
        let answer = self.answer_of(&name).await;
        self.remove_tool_and_secret(&name).await?;
        answer
    }

    async fn answer_of(&self, name: &str) -> Result<Login, BenchError> {
        let has_ended = |pod: &Pod| {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            matches!(phase, Some("Succeeded" | "Failed"))
        };
        self.tool_is(name, ANSWERED, "it has not ended", has_ended).await?;
        let log = self.log(name, &Life::current(KIND), None).await?;
        Ok(login_of(&log.unwrap_or_default()))
    }

    async fn address_of_primary(&self) -> Result<String, BenchError> {
        let primary = self.database()?.primary().await;
        let primary = primary.map_err(|source| BenchError::Query { namespace: self.namespace.clone(), source })?;
        let pod = self.pods().get(&primary).await;
        let pod = pod.map_err(|source| self.objects(format!("read pod {primary}"), source))?;
        let address = pod.status.and_then(|status| status.pod_ip);
        address.ok_or_else(|| BenchError::Unsuited(format!("pod {primary} has no address yet")))
    }
}

/// How a login ended, as the stand-in application tells it.
fn login_of(log: &str) -> Login {
    match serde_json::from_str::<Answer>(log) {
        Ok(Answer { connected: true, .. }) => Login::Accepted,
        Ok(Answer { failures, .. }) => match failures.into_iter().next_back() {
            Some(Failure { sqlstate, kind, .. }) if kind == "refused" => Login::Refused { sqlstate },
            Some(Failure { story, .. }) => Login::Unknown { reason: story },
            None => Login::Unknown { reason: "the client says neither that it connected nor why it did not".into() },
        },
        Err(error) => Login::Unknown { reason: format!("the client's answer cannot be read: {error}") },
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::login_of;
    use crate::probe::Login;

    #[rstest]
    #[case::accepted(r#"{"connected": true, "session": {}, "failures": []}"#, "accepted")]
    #[case::refused(
        r#"{"connected": false, "failures": [{"sqlstate": "28P01", "kind": "refused", "story": "s"}]}"#,
        "refused with 28P01"
    )]
    #[case::unreachable(
        r#"{"connected": false, "failures": [{"sqlstate": "08001", "kind": "network", "story": "no route"}]}"#,
        "no answer: no route"
    )]
    #[case::silent(
        r#"{"connected": false}"#,
        "no answer: the client says neither that it connected nor why it did not"
    )]
    fn an_attempt_ends(#[case] log: &str, #[case] expected: &str) {
        assert_eq!(login_of(log).to_string(), expected);
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_no_refusal() {
        assert!(matches!(login_of("exec format error"), Login::Unknown { .. }));
    }
}
