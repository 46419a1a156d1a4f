//! Running one recipe: its folder, its environment, its log, and its end when this process ends.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};

use super::recipe::{Recipe, RecipeError, Recipes};
use super::store::{Artefact, Record, Store, StoreError};
use crate::docker::Docker;
use crate::host::last_lines;

/// Runs the script and ends it, with all that it started, when the pipe that this process holds is closed; so nothing
/// is left of a build whose starter was killed.
const GUARD: &str = r#"
exec 3<&0 </dev/null
bash build.sh &
build=$!
{ read -r _ <&3; kill -TERM -- -$$; } &
guard=$!
wait "$build"
code=$?
kill "$guard" 2>/dev/null
exit "$code"
"#;

/// How much of a log a failure shows.
const LINES_SHOWN: usize = 15;

/// Why an artefact was not made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Its recipe or its key cannot be had.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The cache folder cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something of the build's own folder cannot be written, or the script not started.
    #[error("prepare the build of {name} in {path}")]
    Prepare {
        /// The artefact.
        name: String,
        /// The file or folder.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Its script failed.
    #[error(
        "build {name} ({summary}): its script ended with {status}. What is finished is kept, so the same command goes \
         on from here. The log {log} ends with:\n{said}"
    )]
    Failed {
        /// The artefact.
        name: String,
        /// What it is.
        summary: String,
        /// How the script ended.
        status: std::process::ExitStatus,
        /// The log.
        log: Utf8PathBuf,
        /// The log's last lines.
        said: String,
    },
    /// Its sources are not those that its key was taken from.
    #[error("build {name}: its sources changed while it was built; do not edit them now, and run the command again")]
    Changed {
        /// The artefact.
        name: String,
    },
    /// It needs Docker and was given none.
    #[error("build {name}: its recipe needs a Docker daemon, and there is none")]
    Dockerless {
        /// The artefact.
        name: String,
    },
    /// A program that recipes call is missing.
    #[error("prepare to build images")]
    Programs(#[from] crate::host::ProgramsError),
}

/// One build: what is made, with what.
pub(super) struct Build<'a> {
    pub(super) recipes: &'a Recipes,
    pub(super) store: &'a Store,
    pub(super) docker: Option<&'a Docker>,
    pub(super) recipe: &'a Recipe,
    pub(super) artefact: &'a Artefact,
}

impl Build<'_> {
    /// Makes the artefact; its inputs are there. `started` gets the pipe whose closing ends the script.
    pub(super) fn run(&self, started: impl FnOnce(ChildStdin)) -> Result<(), BuildError> {
        let began = Instant::now();
        let building = self.store.begin(self.artefact)?;
        self.lay_out(&building)?;
        let log = self.store.log(self.artefact)?;
        let mut command = self.command(&building, &log)?;
        let prepare = |source| self.prepare_error(&building, source);
        let mut child = command.spawn().map_err(prepare)?;
        if let Some(pipe) = child.stdin.take() {
            started(pipe);
        }
        let status = child.wait().map_err(prepare)?;
        if !status.success() {
            let said = last_lines(&fs::read_to_string(&log).unwrap_or_default(), LINES_SHOWN);
            let (name, summary) = (self.recipe.name.into(), self.recipe.summary.clone());
            return Err(BuildError::Failed { name, summary, status, log, said });
        }
        if !self.recipe.sources.is_empty() && self.recipes.key_now(self.recipe.name)? != self.artefact.key {
            return Err(BuildError::Changed { name: self.recipe.name.into() });
        }
        let finished = jiff::Timestamp::now().to_string();
        let record = Record { key: self.artefact.key.clone(), seconds: began.elapsed().as_secs_f64(), finished };
        Ok(self.store.finish(self.artefact, &building, &record)?)
    }

    fn lay_out(&self, building: &Utf8Path) -> Result<(), BuildError> {
        for (file, bytes) in &self.recipe.files {
            let path = building.join("recipe").join(file);
            let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
            folder.and_then(|()| fs::write(&path, bytes)).map_err(|source| self.prepare_error(&path, source))?;
        }
        for input in &self.recipe.inputs {
            let artefact = Artefact { name: input.clone(), key: self.recipes.key(input)? };
            let link = building.join("inputs").join(input);
            symlink(self.store.path(&artefact), &link).map_err(|source| self.prepare_error(&link, source))?;
        }
        Ok(())
    }

    fn command(&self, building: &Utf8Path, log: &Utf8Path) -> Result<Command, BuildError> {
        let output = File::create(log).map_err(|source| self.prepare_error(log, source))?;
        let errors = output.try_clone().map_err(|source| self.prepare_error(log, source))?;
        let mut command = Command::new("bash");
        command
            .args(["-c", GUARD])
            .current_dir(building.join("recipe"))
            .envs(self.recipes.variables(self.recipe)?)
            .env("INPUTS", building.join("inputs"))
            .env("OUT", building.join("out"))
            .env("KEY", self.artefact.short_key())
            .env("SCRATCH", self.store.scratch(self.recipe.name)?)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            // A group of its own, which the guard ends as a whole.
            .process_group(0);
        if !self.recipe.sources.is_empty() {
            command.env("WORKSPACE", self.recipes.workspace());
        }
        if let Some(docker) = self.docker {
            command.envs(docker.environment());
        }
        Ok(command)
    }

    fn prepare_error(&self, path: &Utf8Path, source: io::Error) -> BuildError {
        BuildError::Prepare { name: self.recipe.name.into(), path: path.into(), source }
    }
}
