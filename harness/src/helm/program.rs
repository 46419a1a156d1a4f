//! Running Helm: as many at once as the machine has cores, each question once.

use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use super::cache::Cache;
use super::patience::end_within;
use super::recording::Recorder;
use super::refusal::Refusal;
use super::{HelmError, HelmMajor};
use crate::digest::sha256_of_parts;

/// The Kubernetes version that charts are rendered for, where nobody names one.
const DEFAULT_KUBE_VERSION: &str = "1.36.3";

/// What a render may take before it collects garbage, in Go's spelling: several times what the largest chart needs.
const MUCH_MEMORY: &str = "1GiB";

/// How long Helm may take to answer. It answers within a second; this is for a machine that is very busy.
const LONGEST: Duration = Duration::from_secs(120);

/// One Helm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmProgram {
    /// Its major version.
    pub major: HelmMajor,
    /// The program.
    pub path: Utf8PathBuf,
}

impl HelmProgram {
    /// Asks a program for its version.
    ///
    /// # Errors
    /// It does not start, or is neither Helm 3 nor Helm 4.
    pub fn at(path: &Utf8Path) -> Result<Self, HelmError> {
        let output = Command::new(path)
            .args(["version", "--template", "{{.Version}}"])
            .stdin(Stdio::null())
            .output()
            .map_err(|source| HelmError::Start { program: path.to_owned(), source })?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let major = match version.trim_start_matches('v').split('.').next() {
            Some("3") => HelmMajor::Three,
            Some("4") => HelmMajor::Four,
            _ => return Err(HelmError::Version { program: path.to_owned(), version }),
        };
        Ok(Self { major, path: path.to_owned() })
    }
}

/// What Helm is asked to do with a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// `helm template`.
    Template,
    /// `helm lint`.
    Lint,
}

/// One question to Helm.
#[derive(Debug, Clone)]
pub struct RenderJob {
    /// The folder or archive of the chart.
    pub chart: Utf8PathBuf,
    /// The digest of what is there.
    pub chart_digest: String,
    /// The name of the release.
    pub release: String,
    /// The namespace of the release.
    pub namespace: String,
    /// Files of values with the digests of their content; later ones win.
    pub values: Vec<(Utf8PathBuf, String)>,
    /// Values over all files; null takes a key away.
    pub overrides: Value,
    /// Values as a command line gives them, `--set`, `a=b`; they win over all others.
    pub arguments: Vec<String>,
}

/// What `helm lint` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// Its exit code.
    pub exit_code: i32,
    /// Its findings, one per line.
    pub messages: Vec<String>,
}

impl Lint {
    /// Whether lint accepts the chart.
    pub fn accepts(&self) -> bool {
        self.exit_code == 0
    }
}

type Rendered = Result<Result<Arc<str>, Refusal>, Arc<HelmError>>;
type Linted = Result<Lint, Arc<HelmError>>;
/// The folder or archive of a chart.
pub type Fetched = Result<Utf8PathBuf, Arc<HelmError>>;

/// The Helms at hand and what they have answered so far. Cheap to share.
#[derive(Debug)]
pub struct Helms {
    programs: Vec<HelmProgram>,
    kube_version: String,
    slots: Slots,
    renders: Cache<Rendered>,
    lints: Cache<Linted>,
    pub(super) fetches: Cache<Fetched>,
    pub(super) recorder: Option<Arc<Recorder>>,
}

impl Helms {
    /// Helms that are known already; the first one is asked where the major version does not matter.
    ///
    /// # Errors
    /// There is none.
    pub fn new(programs: Vec<HelmProgram>) -> Result<Self, HelmError> {
        if programs.is_empty() { Err(HelmError::NoHelm) } else { Ok(Self::of(programs)) }
    }

    /// No Helm at all, for manifests that somebody else rendered.
    pub fn none() -> Self {
        Self::of(Vec::new())
    }

    fn of(programs: Vec<HelmProgram>) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            programs,
            kube_version: DEFAULT_KUBE_VERSION.into(),
            slots: Slots::new(cores),
            renders: Cache::default(),
            lints: Cache::default(),
            fetches: Cache::default(),
            recorder: None,
        }
    }

    /// The same Helms, rendering for another Kubernetes version, `1.36.3`.
    #[must_use]
    pub fn for_kubernetes(mut self, version: &str) -> Self {
        self.kube_version = version.to_owned();
        self
    }

    /// The Kubernetes version that charts are rendered for.
    pub fn kube_version(&self) -> &str {
        &self.kube_version
    }

    /// The major versions at hand, the preferred one first.
    pub fn majors(&self) -> Vec<HelmMajor> {
        self.programs.iter().map(|program| program.major).collect()
    }

    /// The Helms at hand, the preferred one first.
    pub fn programs(&self) -> &[HelmProgram] {
        &self.programs
    }

    /// The Helm that installs: the preferred one.
    ///
    /// # Errors
    /// There is none.
    pub fn installer(&self) -> Result<&Utf8Path, HelmError> {
        self.programs.first().map(|program| program.path.as_path()).ok_or(HelmError::NoHelm)
    }

    /// How many different questions Helm was asked so far.
    pub fn calls(&self) -> usize {
        self.renders.len() + self.lints.len()
    }

    /// What `helm template` prints, or its refusal. `major` of `None` asks the preferred Helm.
    ///
    /// # Errors
    /// Helm of that major version is not at hand, does not start, or crashed.
    pub fn template(
        &self,
        major: Option<HelmMajor>,
        job: &RenderJob,
    ) -> Result<Result<Arc<str>, Refusal>, Arc<HelmError>> {
        let program = self.program(major)?;
        self.renders.get(self.question(program, job), || {
            let output = self.ask(program, Verb::Template, job)?;
            if output.status.success() {
                let text = String::from_utf8(output.stdout)
                    .map_err(|_| HelmError::NotText { program: program.path.clone() })?;
                return Ok(Ok(text.into()));
            }
            Ok(Err(Refusal::new(exit_code(program, &output)?, &String::from_utf8_lossy(&output.stderr))))
        })
    }

    /// What `helm lint` says.
    ///
    /// # Errors
    /// Helm of that major version is not at hand, does not start, or crashed.
    pub fn lint(&self, major: Option<HelmMajor>, job: &RenderJob) -> Result<Lint, Arc<HelmError>> {
        let program = self.program(major)?;
        self.lints.get(self.question(program, job), || {
            let output = self.ask(program, Verb::Lint, job)?;
            let messages = String::from_utf8_lossy(&output.stdout)
                .lines()
                .filter(|line| line.starts_with('['))
                .map(str::to_owned)
                .collect();
            Ok(Lint { exit_code: exit_code(program, &output)?, messages })
        })
    }

    fn program(&self, major: Option<HelmMajor>) -> Result<&HelmProgram, Arc<HelmError>> {
        let wanted = |program: &&HelmProgram| major.is_none_or(|major| program.major == major);
        self.programs.iter().find(wanted).ok_or_else(|| Arc::new(HelmError::NoHelm))
    }

    fn question(&self, program: &HelmProgram, job: &RenderJob) -> String {
        let overrides = job.overrides.to_string();
        let fixed =
            [program.path.as_str(), &self.kube_version, &job.chart_digest, &job.release, &job.namespace, &overrides];
        let files = job.values.iter().map(|(_, digest)| digest.as_str());
        let arguments = job.arguments.iter().map(String::as_str);
        sha256_of_parts(fixed.into_iter().chain(files).chain(arguments).map(str::as_bytes))
    }

    fn command(&self, program: &HelmProgram, verb: Verb, job: &RenderJob) -> Command {
        let mut command = Command::new(&program.path);
        command
            .args(["--namespace", &job.namespace, "--kube-version", &self.kube_version])
            // Neither plug-ins, nor repositories, nor a cluster of the user may change what a chart renders.
            .env("HELM_CONFIG_HOME", "/nonexistent")
            .env("HELM_DATA_HOME", "/nonexistent")
            .env("HELM_PLUGINS", "/nonexistent")
            .env("KUBECONFIG", "/nonexistent")
            // A render lives too short to collect garbage; it saves a quarter of its processor time. One that needs more
            // memory than any chart should collects it after all.
            .env("GOGC", "off")
            .env("GOMEMLIMIT", MUCH_MEMORY);
        for (file, _) in &job.values {
            command.args(["--values", file.as_str()]);
        }
        if has_overrides(job) {
            command.args(["--values", "-"]);
        }
        command.args(&job.arguments);
        match verb {
            Verb::Template => command.args(["template", &job.release, job.chart.as_str()]),
            Verb::Lint => command.args(["lint", job.chart.as_str()]),
        };
        command
    }

    fn ask(&self, program: &HelmProgram, verb: Verb, job: &RenderJob) -> Result<Output, HelmError> {
        let output = self.run(program, verb, job)?;
        if let Some(recorder) = &self.recorder {
            recorder.note(program, verb, job, output.status.code());
        }
        Ok(output)
    }

    /// Runs Helm to its end, when it is its turn.
    pub(super) fn run(&self, program: &HelmProgram, verb: Verb, job: &RenderJob) -> Result<Output, HelmError> {
        let _slot = self.slots.take();
        let run = |source| HelmError::Run { program: program.path.clone(), source };
        let given = if has_overrides(job) { Stdio::piped() } else { Stdio::null() };
        let child = self
            .command(program, verb, job)
            .stdin(given)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| HelmError::Start { program: program.path.clone(), source })?;
        let ended = end_within(child, job.overrides.to_string().into_bytes(), LONGEST).map_err(run)?;
        ended.ok_or_else(|| HelmError::TooLong {
            program: program.path.clone(),
            chart: job.chart.clone(),
            seconds: LONGEST.as_secs(),
        })
    }
}

fn has_overrides(job: &RenderJob) -> bool {
    job.overrides.as_object().is_some_and(|map| !map.is_empty())
}

/// The exit code of an answer. A signal or a Go panic is none.
fn exit_code(program: &HelmProgram, output: &Output) -> Result<i32, HelmError> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let crashed = |how: String| HelmError::Crashed {
        program: program.path.clone(),
        how,
        last: stderr.lines().next().unwrap_or("no message").to_owned(),
    };
    match output.status.code() {
        None => Err(crashed(output.status.to_string())),
        Some(code) if stderr.starts_with("panic:") || stderr.starts_with("fatal error:") => {
            Err(crashed(format!("exit code {code}")))
        }
        Some(code) => Ok(code),
    }
}

/// Permits to run, as many as there are cores.
#[derive(Debug)]
struct Slots {
    free: Mutex<usize>,
    returned: Condvar,
}

struct Slot<'a>(&'a Slots);

impl Slots {
    fn new(count: usize) -> Self {
        Self { free: Mutex::new(count), returned: Condvar::new() }
    }

    fn take(&self) -> Slot<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self.returned.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Slot(self)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;
    use serde_json::Value;

    use super::{HelmProgram, Helms, RenderJob, Verb};
    use crate::helm::HelmMajor;

    #[test]
    fn a_helm_that_collects_no_garbage_has_a_limit_of_memory() {
        let program = HelmProgram { major: HelmMajor::Four, path: "/bin/helm".into() };
        let job = RenderJob {
            chart: Utf8PathBuf::from("/chart"),
            chart_digest: String::new(),
            release: "a".into(),
            namespace: "a".into(),
            values: Vec::new(),
            overrides: Value::Null,
            arguments: Vec::new(),
        };
        let command = Helms::none().command(&program, Verb::Template, &job);
        let given: Vec<_> = command.get_envs().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"GO")).collect();
        assert_eq!(given, [("GOGC".as_ref(), Some("off".as_ref())), ("GOMEMLIMIT".as_ref(), Some("1GiB".as_ref()))]);
    }
}
