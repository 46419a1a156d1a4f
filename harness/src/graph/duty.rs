//! What a Job is there for, as far as its name, its image and its commands tell: migrations, and copies of a CA.
//!
//! Both are told by conventions of names, so this is made to overlook rather than to guess; a subject file can claim
//! what is not seen.

use super::reference::RefKind;
use super::store::Store;
use super::workload::{Container, Workload};

/// Programs that bring a schema up to date, by the words of their names.
const MIGRATORS: &[&str] = &["flyway", "liquibase", "alembic", "dbmate", "sqitch", "goose", "umzug"];

/// What a command says that reads something from elsewhere.
const READS: &[&str] = &["get secret", "get -n", "exec", "s_client", "get cm", "get configmap"];
/// What a command says that writes a Secret.
const WRITES: &[&str] = &["patch secret", "create secret", "apply", "replace"];
/// How a CA is called in keys and variables, without dots, dashes and underscores.
const AUTHORITIES: &[&str] = &["cacrt", "rootcert", "sslrootcert", "cabundle", "capem"];

impl Workload {
    /// Whether it is a Job that brings a schema up to date, as the subject says or as can be seen. That it dials
    /// a database, the database's clients tell.
    pub fn migrates(&self) -> bool {
        self.object().kind() == "Job"
            && (self.said_to_migrate
                || is_of_a_migration(self.object().name())
                || self.containers().iter().any(Container::migrates))
    }

    /// Whether it is a Job or CronJob whose commands read a CA from one place and write it into a Secret.
    pub fn syncs_a_ca(&self, store: &Store) -> bool {
        if !matches!(self.object().kind(), "Job" | "CronJob") {
            return false;
        }
        let words = self.containers().iter().flat_map(Container::words).map(|(_, word)| word.to_string());
        let mounted = self.volumes().iter().flat_map(|volume| volume.keys().collect::<Vec<_>>());
        let scripts = mounted
            .filter(|(kind, _)| *kind == RefKind::ConfigMap)
            .flat_map(|(kind, name)| store.entries(kind, name))
            .filter_map(|(_, text)| text.known().map(str::to_owned));
        let said = words.chain(scripts).collect::<Vec<_>>().join(" ").to_lowercase();
        let says = |any: &[&str]| any.iter().any(|one| said.contains(one));
        let plain: String = said.chars().filter(|one| one.is_ascii_alphanumeric() || *one == ' ').collect();
        let of_a_ca = AUTHORITIES.iter().any(|name| plain.contains(name)) || said.contains("s_client");
        said.contains("kubectl") && says(READS) && says(WRITES) && of_a_ca
    }
}

impl Container {
    /// Whether its name, its image or what it is told to run is that of a migration.
    pub fn migrates(&self) -> bool {
        let image = self.image().split(['@']).next().unwrap_or_default();
        let image = image.rsplit('/').next().unwrap_or_default().split(':').next().unwrap_or_default();
        let told = self.words().into_iter().any(|(_, word)| is_of_a_migration(&word.to_string()));
        is_of_a_migration(self.name()) || is_of_a_migration(image) || told
    }
}

/// Whether a text has a word of a migration in it: `db-migrate`, `run_migrations`, `flyway`.
fn is_of_a_migration(text: &str) -> bool {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric());
    words.into_iter().any(|word| {
        let word = word.to_ascii_lowercase();
        word.starts_with("migrat") || word.ends_with("migrate") || MIGRATORS.contains(&word.as_str())
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::graph::{Graph, Surroundings};
    use crate::manifests::Manifests;

    fn graph(text: &str) -> Graph {
        Graph::new(&Manifests::parse(text, "test").unwrap(), &Surroundings::default())
    }

    #[rstest]
    #[case::by_its_name("db-migrations", "example.org/app:1", "[run]", true)]
    #[case::by_its_command("setup", "example.org/app:1", "[sh, -c, 'bundle exec rails db:migrate']", true)]
    #[case::by_its_image("setup", "docker.io/flyway/flyway:11", "[-url=x]", true)]
    #[case::another_job("backup", "example.org/app:1", "[pg_dump]", false)]
    #[case::a_word_within("immigration-report", "example.org/app:1", "[run]", false)]
    fn a_job_migrates(#[case] name: &str, #[case] image: &str, #[case] args: &str, #[case] expected: bool) {
        let text = format!(
            "{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}}}, spec: {{template: {{spec: {{containers: [{{name: a, image: '{image}', args: {args}}}]}}}}}}}}"
        );
        assert_eq!(graph(&text).workloads()[0].migrates(), expected);
    }

    #[test]
    fn a_job_migrates_that_the_subject_says_does() {
        let text = "{apiVersion: batch/v1, kind: Job, metadata: {name: setup}, spec: {template: {spec: {containers: [{name: a, args: [setup]}]}}}}";
        let surroundings = Surroundings { migrations: vec!["job/setup".into()], ..Surroundings::default() };
        assert!(Graph::new(&Manifests::parse(text, "test").unwrap(), &surroundings).workloads()[0].migrates());
        assert!(!graph(text).workloads()[0].migrates());
    }

    #[rstest]
    #[case::from_a_secret("kubectl get secret db-ca -o jsonpath={.data.ca\\.crt} | kubectl patch secret app", true)]
    #[case::from_a_server(
        "openssl s_client -starttls postgres -connect db:5432 | kubectl create secret generic x",
        true
    )]
    #[case::makes_its_own("openssl req -x509 -out ca.crt; kubectl create secret generic x --from-file ca.crt", false)]
    #[case::reads_only("kubectl get secret db-ca -o jsonpath={.data.ca\\.crt}", false)]
    fn a_job_copies_a_ca(#[case] script: &str, #[case] expected: bool) {
        let text = format!(
            "{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: a}}, spec: {{jobTemplate: {{spec: {{template: {{spec: {{containers: [{{name: a, command: [sh, -c, '{script}']}}]}}}}}}}}}}}}"
        );
        let graph = graph(&text);
        assert_eq!(graph.workloads()[0].syncs_a_ca(graph.store()), expected);
    }
}
