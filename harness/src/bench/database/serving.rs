//! Waits for what is presented in a handshake: by the server, and by a pooler before it.

use crate::bench::{Bench, BenchError};
use crate::digest::sha256;
use crate::error::Chain;
use crate::probe::{Served, certificates_of};
use crate::wait::{Budget, Progress, poll_until};

/// What has to be presented.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Presented<'a> {
    /// A leaf that the published CA vouches for.
    LeafOfPublishedCa,
    /// This certificate, PEM.
    Certificate(&'a str),
}

impl Presented<'_> {
    /// Why something else is served; `None` if it is this.
    fn objection(self, served: &Served) -> Option<String> {
        match self {
            Self::LeafOfPublishedCa => served.refused.clone(),
            Self::Certificate(pem) => {
                let certificates = certificates_of(pem.as_bytes()).ok();
                let wanted = certificates.and_then(|all| all.into_iter().next()).map(sha256);
                (wanted.as_ref() != Some(&served.leaf.sha256)).then(|| "it serves another certificate".into())
            }
        }
    }

    fn is_all_of(self, served: &[Served]) -> Progress<()> {
        if served.is_empty() {
            return Progress::NotYet("no pod of the database shakes hands".into());
        }
        match served.iter().find_map(|one| Some((&one.endpoint, self.objection(one)?))) {
            Some((endpoint, objection)) => Progress::NotYet(format!("{endpoint}: {objection}")),
            None => Progress::Ready(()),
        }
    }
}

impl Bench {
    /// Waits until every pod of the database presents it, whatever a pooler before it presents.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(crate) async fn server_presents(&self, wanted: Presented<'_>, budget: Budget) -> Result<(), BenchError> {
        let look = async || self.served_by_instances(&self.ca_pem().await?).await;
        self.presented(wanted, budget, look).await
    }

    /// Waits until every pod of the database, and of a pooler before it, presents it.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(crate) async fn all_present(&self, wanted: Presented<'_>, budget: Budget) -> Result<(), BenchError> {
        self.presented(wanted, budget, async || self.served().await).await
    }

    async fn presented(
        &self,
        wanted: Presented<'_>,
        budget: Budget,
        look: impl AsyncFn() -> Result<Vec<Served>, BenchError>,
    ) -> Result<(), BenchError> {
        let presented = poll_until(budget, || async {
            match look().await {
                Ok(served) => wanted.is_all_of(&served),
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        presented.await.map_err(|error| self.waited(error))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rstest::rstest;

    use super::{Presented, sha256};
    use crate::probe::{Certificate, Served};
    use crate::wait::Progress;

    fn served(endpoint: &str, sha256: &str, refused: Option<&str>) -> Served {
        let leaf = Certificate {
            subject: "CN=db-rw".into(),
            issuer: "CN=db".into(),
            sha256: sha256.into(),
            spki_sha256: String::new(),
            names: vec!["db-rw".into()],
            not_before: Timestamp::UNIX_EPOCH,
            not_after: Timestamp::MAX,
        };
        let at = Timestamp::UNIX_EPOCH;
        Served { at, endpoint: endpoint.into(), name: "db-rw".into(), leaf, refused: refused.map(Into::into) }
    }

    fn not_yet(reason: &str) -> Progress<()> {
        Progress::NotYet(reason.into())
    }

    #[rstest]
    #[case::by_nobody(&[], not_yet("no pod of the database shakes hands"))]
    #[case::by_one_of_two(
        &[served("pod/db-1", "a", None), served("pod/db-2", "b", Some("unknown issuer"))],
        not_yet("pod/db-2: unknown issuer")
    )]
    #[case::by_all(&[served("pod/db-1", "a", None), served("pod/db-2", "b", None)], Progress::Ready(()))]
    fn a_leaf_of_the_published_ca_is_presented(#[case] all: &[Served], #[case] expected: Progress<()>) {
        assert_eq!(Presented::LeafOfPublishedCa.is_all_of(all), expected);
    }

    #[test]
    fn a_certificate_is_presented() {
        let certificate = rcgen::generate_simple_self_signed(["db-rw".to_owned()]).unwrap().cert;
        let (pem, digest) = (certificate.pem(), sha256(certificate.der()));
        let wanted = Presented::Certificate(&pem);
        // Whether somebody's CA vouches for it is not asked.
        let this = served("pod/db-1", &digest, Some("unknown issuer"));
        assert_eq!(wanted.is_all_of(std::slice::from_ref(&this)), Progress::Ready(()));
        let other = served("pod/pooler-1", "b", None);
        assert_eq!(wanted.is_all_of(&[this, other]), not_yet("pod/pooler-1: it serves another certificate"));
    }

    #[test]
    fn what_is_no_certificate_is_presented_by_nobody() {
        let wanted = Presented::Certificate("no certificate");
        assert!(matches!(wanted.is_all_of(&[served("pod/db-1", "a", None)]), Progress::NotYet(_)));
    }
}
