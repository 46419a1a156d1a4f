//! A cluster of somebody else's, as commands are told of it: a context by its name, never the current one.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8PathBuf;
use clap::Args;
use harness::bench::Programs;
use harness::cache::Cache;
use harness::cluster::{Cluster, ConnectError, ExistingError};
use harness::conformance::Stage;
use harness::helm::Helms;
use harness::images::Workshop;
use harness::tools::Tools;

use crate::failure::Failure;

/// Where a cluster of somebody else's is.
#[derive(Debug, Args)]
pub(crate) struct Existing {
    /// Use the cluster of this context, which somebody else made, instead of kind's. Only namespaces of the run are
    /// touched there, and nothing is loaded or installed beside the subjects; `holdfast rbac` prints what it needs.
    #[arg(long, value_name = "NAME", conflicts_with = "name")]
    context: Option<String>,

    /// The kubeconfig that has the context. By default that of KUBECONFIG, else ~/.kube/config.
    #[arg(long, value_name = "FILE", requires = "context")]
    kubeconfig: Option<Utf8PathBuf>,
}

impl Existing {
    /// The context, if one was named.
    pub(crate) fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// The cluster, with its rights and its operator proven, and what is needed beside it to run subjects there.
    pub(crate) async fn stage(&self, context: &str) -> Result<(Stage, Arc<Helms>), Failure> {
        // Whatever is wrong on this machine comes first: it costs nothing to find out.
        let kubeconfig = self.file()?;
        let helms = Helms::at_hand().map_err(Failure::broke)?;
        let cluster = Cluster::existing(context, kubeconfig).await.map_err(sorted)?;
        let kubernetes = cluster.kubernetes_version().await;
        let helms = match &kubernetes {
            Some(version) => helms.for_kubernetes(version),
            None => helms,
        };
        let programs = Programs::new(&helms, kubectl()).map_err(Failure::broke)?;
        let facts = BTreeMap::from([
            ("provider".to_owned(), "existing".to_owned()),
            ("context".to_owned(), context.to_owned()),
            ("kubernetes".to_owned(), kubernetes.unwrap_or_else(|| "of a version that it does not tell".into())),
            (
                "images".to_owned(),
                "pulled by the nodes of the cluster, by the references of the subjects; none was loaded".to_owned(),
            ),
        ]);
        Ok((Stage { cluster, programs, facts }, Arc::new(helms)))
    }

    /// The cluster, to remove what runs left there.
    pub(crate) async fn to_sweep(&self, context: &str) -> Result<Cluster, Failure> {
        Cluster::existing_to_sweep(context, self.file()?).await.map_err(sorted)
    }

    fn file(&self) -> Result<Utf8PathBuf, Failure> {
        if let Some(file) = &self.kubeconfig {
            return Ok(file.clone());
        }
        by_environment(|name| std::env::var(name).ok()).map_err(Failure::usage)
    }
}

/// A kubectl for documented commands, where there is one.
fn kubectl() -> Option<Utf8PathBuf> {
    Tools::kubectl(&Workshop::open(Cache::locate().ok()?).ok()?)
}

fn by_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Utf8PathBuf, String> {
    if let Some(files) = variable("KUBECONFIG").filter(|files| !files.is_empty()) {
        if files.contains(':') {
            return Err(format!(
                "use the kubeconfig of KUBECONFIG: it names several, {files}; give one by --kubeconfig"
            ));
        }
        return Ok(files.into());
    }
    let home = variable("HOME").filter(|home| !home.is_empty());
    let home = home.ok_or("find a kubeconfig: neither KUBECONFIG nor HOME is set; give one by --kubeconfig")?;
    Ok(Utf8PathBuf::from(home).join(".kube/config"))
}

/// A file or a name that is wrong is the caller's; all else is the environment's.
fn sorted(error: ExistingError) -> Failure {
    match error {
        ExistingError::Connect(ConnectError::Client { .. }) => Failure::broke(error),
        ExistingError::Connect(_) => Failure::usage(error),
        _ => Failure::broke(error),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::by_environment;

    #[rstest]
    #[case::one(&[("KUBECONFIG", "/etc/a.yaml"), ("HOME", "/home/me")], Ok("/etc/a.yaml"))]
    #[case::none(&[("HOME", "/home/me")], Ok("/home/me/.kube/config"))]
    #[case::empty(&[("KUBECONFIG", ""), ("HOME", "/home/me")], Ok("/home/me/.kube/config"))]
    #[case::several(&[("KUBECONFIG", "a:b")], Err("give one by --kubeconfig"))]
    #[case::nothing(&[], Err("give one by --kubeconfig"))]
    fn the_kubeconfig_is_found_as_kubectl_finds_it(
        #[case] variables: &[(&str, &str)],
        #[case] expected: Result<&str, &str>,
    ) {
        let lookup = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        match (by_environment(lookup), expected) {
            (Ok(path), Ok(expected)) => assert_eq!(path, expected),
            (Err(message), Err(remedy)) => assert!(message.contains(remedy), "{message}"),
            (found, _) => panic!("{found:?}"),
        }
    }
}
