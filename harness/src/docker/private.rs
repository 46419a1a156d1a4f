//! The private daemon: its folder, its settings, its start and its stop by the recorded process id.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;

use super::{Docker, DockerError};
use crate::cache::Cache;
use crate::host::{self, Capability, Program, last_lines};
use crate::kind_config;
use crate::progress::Progress;

/// How long the daemon may take until it answers; the first start makes its storage.
const START: Duration = Duration::from_secs(60);
/// How long it may take to end its containers.
const STOP: Duration = Duration::from_secs(60);
/// How often it is asked whether it answers yet; nothing announces that.
const INTERVAL: Duration = Duration::from_millis(100);

const SOCKET: &str = "holdfast/docker/docker.sock";

/// The address of the private daemon, whether it runs or not.
pub(super) fn host(cache: &Cache) -> String {
    format!("unix://{}/docker/docker.sock", cache.root())
}

/// Whether an address is that of a private daemon.
pub(super) fn is_private(host: &str) -> bool {
    host.ends_with(SOCKET)
}

/// Starts the private daemon and waits until it answers.
pub(super) fn start(cache: &Cache, progress: &dyn Progress) -> Result<Docker, DockerError> {
    let folder = cache.folder("docker")?;
    let _sole = lock(&folder)?;
    // Another process may have started it while this one waited for its turn.
    if let Ok(docker) = Docker::at(Some(&host(cache))) {
        return Ok(docker);
    }
    let shim = !Capability::SysResource.is_attainable();
    let mut programs = vec![Program::Dockerd, Program::Docker, Program::Iptables];
    programs.extend(shim.then_some(Program::Jq));
    host::ensure(&programs, progress)?;
    // Installing the package starts the machine's own daemon where there is an init system. That one comes first.
    if let Ok(docker) = Docker::at(None) {
        return Ok(docker);
    }

    let settings = write_settings(&folder, shim)?;
    let log = folder.join("docker.log");
    progress.say(&format!(
        "No Docker daemon answers, so a private one is started: everything of it is in {folder}, and it stays up for \
         the next command."
    ));
    let output = File::create(&log).map_err(|source| DockerError::Write { path: log.clone(), source })?;
    let errors = output.try_clone().map_err(|source| DockerError::Write { path: log.clone(), source })?;
    // A session of its own, so that neither Ctrl-C nor the end of the terminal reaches it.
    let mut daemon = Command::new("setsid");
    daemon.args(["dockerd", "--config-file", settings.as_str()]).stdin(Stdio::null()).stdout(output).stderr(errors);
    await_answer(cache, &mut daemon).map_err(|said| {
        let said = if said.is_empty() { read_end(&log) } else { said };
        DockerError::Start { log, said }
    })
}

/// Watches the start: either the daemon answers, or its process ends, or the time is up.
fn await_answer(cache: &Cache, daemon: &mut Command) -> Result<Docker, String> {
    let mut child = daemon.spawn().map_err(|error| format!("start `setsid dockerd`: {error}"))?;
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || {
        let _ = sender.send(child.wait());
    });
    let deadline = Instant::now() + START;
    loop {
        if let Ok(docker) = Docker::at(Some(&host(cache))) {
            return Ok(docker);
        }
        match ended.recv_timeout(INTERVAL) {
            Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
            _ended_or_late => return Err(String::new()),
        }
    }
}

fn write_settings(folder: &Utf8Path, shim: bool) -> Result<Utf8PathBuf, DockerError> {
    let mut settings = json!({
        "data-root": folder.join("data"),
        "exec-root": folder.join("exec"),
        "pidfile": folder.join("docker.pid"),
        "hosts": [format!("unix://{}", folder.join("docker.sock"))],
    });
    if shim {
        let path = folder.join("runtime-shim");
        let script = kind_config::file("docker/runtime-shim").unwrap_or_default();
        let permissions = fs::Permissions::from_mode(0o755);
        write(&path, script)?;
        fs::set_permissions(&path, permissions).map_err(|source| DockerError::Write { path: path.clone(), source })?;
        settings["runtimes"] = json!({"shim": {"path": path}});
        settings["default-runtime"] = json!("shim");
    }
    let path = folder.join("daemon.json");
    write(&path, format!("{settings:#}\n").as_bytes())?;
    Ok(path)
}

fn write(path: &Utf8Path, bytes: &[u8]) -> Result<(), DockerError> {
    fs::write(path, bytes).map_err(|source| DockerError::Write { path: path.into(), source })
}

fn lock(folder: &Utf8Path) -> Result<File, DockerError> {
    let path = folder.join("start.lock");
    let file = File::create(&path).map_err(|source| DockerError::Write { path: path.clone(), source })?;
    file.lock().map_err(|source| DockerError::Write { path, source })?;
    Ok(file)
}

fn read_end(log: &Utf8Path) -> String {
    last_lines(&fs::read_to_string(log).unwrap_or_default(), 8)
}

/// The process id of the private daemon, if the recorded process is that daemon and runs.
fn running(folder: &Utf8Path) -> Option<u32> {
    let id: u32 = fs::read_to_string(folder.join("docker.pid")).ok()?.trim().parse().ok()?;
    let command = fs::read_to_string(format!("/proc/{id}/cmdline")).ok()?;
    // Process ids are used again: only a process that was started with our settings is ours.
    command.contains(folder.join("daemon.json").as_str()).then_some(id)
}

/// Stops the private daemon by its recorded process id; `false` if it does not run. Its data stays.
///
/// # Errors
/// When it does not end.
pub fn stop(cache: &Cache) -> Result<bool, DockerError> {
    let folder = cache.root().join("docker");
    let Some(id) = running(&folder) else { return Ok(false) };
    let attempt = || format!("stop the private Docker daemon, process {id}");
    let id_text = id.to_string();
    host::output(Command::new("kill").arg(&id_text))
        .map_err(|source| DockerError::Refused { attempt: attempt(), source })?;
    // `tail --pid` ends when the process does, whoever its parent is.
    let mut end = Command::new("tail");
    end.args(["--pid", &id_text, "--follow", "--lines=0", "/dev/null"]);
    host::output_within(&mut end, STOP).map_err(|source| DockerError::Refused { attempt: attempt(), source })?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::{running, write_settings};

    fn settings(shim: bool) -> (tempfile::TempDir, serde_json::Value) {
        let folder = tempfile::tempdir().unwrap();
        let path = write_settings(Utf8Path::from_path(folder.path()).unwrap(), shim).unwrap();
        let settings = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        (folder, settings)
    }

    #[test]
    fn everything_of_the_daemon_is_in_its_folder() {
        let (folder, settings) = settings(false);
        let prefix = folder.path().to_str().unwrap();
        for key in ["data-root", "exec-root", "pidfile"] {
            assert!(settings[key].as_str().unwrap().starts_with(prefix), "{key}: {settings}");
        }
        assert!(settings.get("default-runtime").is_none(), "{settings}");
    }

    #[test]
    fn the_shim_is_executable_and_the_default_runtime() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, settings) = settings(true);
        assert_eq!(settings["default-runtime"], "shim");
        let shim = settings["runtimes"]["shim"]["path"].as_str().unwrap();
        assert_eq!(std::fs::metadata(shim).unwrap().permissions().mode() & 0o777, 0o755);
    }

    #[test]
    fn a_recorded_process_that_is_not_the_daemon_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        std::fs::write(folder.join("docker.pid"), std::process::id().to_string()).unwrap();
        assert_eq!(running(folder), None);
    }
}
