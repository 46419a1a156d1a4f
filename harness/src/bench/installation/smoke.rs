//! Whether a subject serves, as its file says how to see it: `helm test`, and a request that must answer 200.

use camino::Utf8Path;
use k8s_openapi::api::core::v1::Service;
use tokio::process::Command;

use crate::bench::{Bench, BenchError};
use crate::subject::HttpSmoke;
use crate::wait::{Budget, Progress, poll_until};

const ANSWER: Budget = Budget::seconds("the subject to answer a request", 15);

impl Bench {
    /// Sees that the subject serves. A subject that does not say how is taken at the word of its pods.
    ///
    /// # Errors
    /// When a test of Helm's fails, or no answer with status 200 comes.
    pub(crate) async fn smoke(&self, helm: &Utf8Path) -> Result<(), BenchError> {
        let smoke = &self.installation.smoke;
        if smoke.helm_test {
            for release in &self.installation.releases {
                let mut command = Command::new(helm);
                command.args(["test", &release.name, "--timeout", "90s"]);
                self.helm(command, self.access(), release, "test").await?;
            }
        }
        match &smoke.http {
            Some(http) => self.answers(http).await,
            None => Ok(()),
        }
    }

    async fn answers(&self, http: &HttpSmoke) -> Result<(), BenchError> {
        let port = match http.port {
            Some(port) => i32::from(port),
            None => self.first_port(&http.service).await?,
        };
        let (namespace, service) = (&self.namespace, &http.service);
        let path = format!(
            "/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy/{}",
            http.path.trim_start_matches('/')
        );
        let answered = poll_until(self.allow(ANSWER), || async {
            let Ok(request) = http::Request::get(&path).body(Vec::new()) else {
                return Progress::Hopeless(format!("{path} is no path of a request"));
            };
            match self.cluster.client().request_text(request).await {
                Ok(_) => Progress::Ready(()),
                Err(error) => Progress::NotYet(format!("GET {} of service {service}: {error}", http.path)),
            }
        });
        answered.await.map_err(|error| self.waited(error))
    }

    async fn first_port(&self, name: &str) -> Result<i32, BenchError> {
        let service = self.api::<Service>().get(name).await;
        let service = service.map_err(|source| self.objects(format!("read Service {name}"), source))?;
        let ports = service.spec.and_then(|spec| spec.ports).unwrap_or_default();
        ports
            .first()
            .map(|port| port.port)
            .ok_or_else(|| BenchError::Unsuited(format!("Service {name}, which `smoke.http` names, has no port")))
    }
}
