//! Certificates that cert-manager issues for a subject's database, and how long they live.

use std::fmt;

use harness::graph::{CaWiring, Fact};
use harness::manifests::Object;
use harness::rendered::Rendered;
use serde_json::Value;

/// The objects of cert-manager, of the release and of its companions.
pub(super) struct Certificates<'a> {
    objects: Vec<&'a Object>,
}

/// Who signs a certificate.
pub(super) enum Issuer<'a> {
    /// A CA whose own certificate is among the manifests.
    Known(&'a Object),
    /// Nobody else.
    SelfSigned,
    /// Somebody of whom the manifests do not tell; the text says what would.
    Unknown(String),
}

impl<'a> Certificates<'a> {
    pub(super) fn of(subject: &'a Rendered) -> Self {
        let objects = subject.manifests().objects().chain(subject.companions().objects());
        Self { objects: objects.filter(|object| object.group() == "cert-manager.io").collect() }
    }

    /// Those whose Secrets a Cluster names or a client of the database trusts.
    pub(super) fn of_database(&self, subject: &'a Rendered) -> Vec<&'a Object> {
        let clusters = subject.manifests().of_kind("Cluster").chain(subject.companions().of_kind("Cluster"));
        let named = clusters.filter_map(|cluster| cluster.get("spec.certificates")?.as_object());
        let named = named.flat_map(|fields| fields.values().filter_map(Value::as_str));
        let trusted = subject.database_clients().iter().filter_map(|client| client.ca().and_then(CaWiring::secret));
        let secrets: Vec<&str> = named.chain(trusted).collect();
        let certificates = self.objects.iter().filter(|object| object.kind() == "Certificate");
        certificates.filter(|object| secrets.contains(&text(object, "spec.secretName"))).copied().collect()
    }

    /// Follows the reference to an issuer, and from there to the CA's certificate.
    pub(super) fn authority(&self, certificate: &Object) -> Issuer<'a> {
        let (kind, name) = (text(certificate, "spec.issuerRef.kind"), text(certificate, "spec.issuerRef.name"));
        let kind = if kind.is_empty() { "Issuer" } else { kind };
        let Some(issuer) = self.objects.iter().find(|object| object.kind() == kind && object.name() == name) else {
            return Issuer::Unknown(format!("{kind} {name} is not among the manifests; add it as a companion"));
        };
        if issuer.get("spec.selfSigned").is_some() {
            return Issuer::SelfSigned;
        }
        let secret = text(issuer, "spec.ca.secretName");
        let signs = |object: &&&Object| object.kind() == "Certificate" && text(object, "spec.secretName") == secret;
        match self.objects.iter().find(signs) {
            Some(authority) if !secret.is_empty() => Issuer::Known(authority),
            _ => Issuer::Unknown(format!(
                "the CA behind {kind} {name} is not among the manifests; the live lane sees it"
            )),
        }
    }
}

/// How long a certificate lives, and how long before its end it is made anew.
pub(super) struct Lifetime {
    pub(super) duration: Hours,
    pub(super) renew_before: Hours,
}

impl Lifetime {
    /// cert-manager's defaults: 90 days, renewed when a third is left.
    pub(super) fn of(certificate: &Object) -> Fact<Self> {
        let duration = match text(certificate, "spec.duration") {
            "" => Some(Hours(2160.0)),
            written => Hours::parse(written),
        };
        let percentage = certificate.get("spec.renewBeforePercentage").and_then(Value::as_f64);
        let renew_before = match (text(certificate, "spec.renewBefore"), duration, percentage) {
            ("", Some(Hours(hours)), Some(percentage)) => Some(Hours(hours * percentage / 100.0)),
            ("", Some(Hours(hours)), None) => Some(Hours(hours / 3.0)),
            (written, _, _) => Hours::parse(written),
        };
        match (duration, renew_before) {
            (Some(duration), Some(renew_before)) => Fact::Known(Self { duration, renew_before }),
            _ => Fact::Unknown("spec.duration or spec.renewBefore is no duration such as 2160h".into()),
        }
    }
}

/// A time as cert-manager writes it.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Hours(f64);

impl Hours {
    /// Reads `2160h`, `90m` or `1h30m`; as in Go there is no unit longer than an hour.
    fn parse(text: &str) -> Option<Self> {
        let mut hours = 0.0;
        let mut rest = text;
        while !rest.is_empty() {
            let number = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
            let amount: f64 = rest[..number].parse().ok()?;
            let unit = rest[number..]
                .find(|character: char| character.is_ascii_digit())
                .map_or(rest.len(), |end| number + end);
            hours += match &rest[number..unit] {
                "h" => amount,
                "m" => amount / 60.0,
                "s" => amount / 3600.0,
                _ => return None,
            };
            rest = &rest[unit..];
        }
        (!text.is_empty()).then_some(Self(hours))
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} h", self.0)
    }
}

// Findings show what was observed through `Debug`.
impl fmt::Debug for Hours {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

fn text<'o>(object: &'o Object, path: &str) -> &'o str {
    object.get(path).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Hours;

    #[rstest]
    #[case::hours("2160h", Some(2160.0))]
    #[case::mixed("1h30m", Some(1.5))]
    #[case::zero_minutes("360h0m0s", Some(360.0))]
    #[case::days_do_not_exist_in_go("90d", None)]
    #[case::nothing("", None)]
    fn durations_are_read_as_go_reads_them(#[case] text: &str, #[case] hours: Option<f64>) {
        assert_eq!(Hours::parse(text).map(|read| read.0), hours);
    }
}
