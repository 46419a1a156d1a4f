//! What is meant for a Service stays on the machine.
//!
//! kube-proxy turns the address of a Service into that of a pod. Until it has written the rules of a new Service, or
//! where there is no such Service any more, nothing does: the packet takes the node's way out, and whoever sits there
//! answers. So the node refuses what is still meant for a Service after kube-proxy had its turn, as it refuses a Service
//! without pods.

use super::command::{CommandError, run};
use super::kind::KindCluster;

/// The addresses of Services, as the cluster configurations state them.
const RANGE: &str = "10.96.0.0/16";

/// For packets of pods and of the node itself, after the addresses were translated; a rule that is there stays one.
const REFUSE: &str = "for chain in FORWARD OUTPUT; do
  iptables --check $chain --destination $0 --jump REJECT 2>/dev/null || iptables --append $chain --destination $0 --jump REJECT
done";

impl KindCluster {
    /// Lets every node refuse what is meant for a Service and has no rule.
    ///
    /// # Errors
    /// When a node does not take the rule.
    pub(super) async fn keep_services_inside(&self) -> Result<(), CommandError> {
        for node in self.nodes().await? {
            let mut command = self.docker();
            command.args(["exec", &node, "sh", "-euc", REFUSE, RANGE]);
            run(command).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::RANGE;
    use crate::kind_config;

    #[rstest]
    #[case("cluster/single-node.yaml")]
    #[case("cluster/published-node.yaml")]
    fn a_configuration_gives_services_this_range(#[case] path: &str) {
        let text = std::str::from_utf8(kind_config::file(path).unwrap()).unwrap();
        assert!(text.contains(&format!("\n  serviceSubnet: {RANGE}\n")));
    }
}
