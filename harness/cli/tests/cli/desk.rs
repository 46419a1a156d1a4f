//! A machine of a test's own: its programs, its cache folder, its folder for private things, and a chart to work on.
//!
//! Nothing of the caller's environment reaches the binary, so that a test sees the same on every machine.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A chart that refuses to render without a value, as Helm 4 says it.
pub(crate) const REFUSAL: &str = "Error: execution error at (shop/templates/shop.yaml:3:12): database.secretRef.name is \
     required: name the Secret of the database credential";

/// The machine. It is gone when the test ends.
pub(crate) struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    /// A machine with a chart, a subject of it, and a Helm that renders one ConfigMap whatever it is asked.
    pub(crate) fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        for folder in ["bin", "home", "cache", "runtime", "tmp", "work"] {
            fs::create_dir(desk.path(folder)).unwrap();
        }
        desk.write("work/shop/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n");
        desk.write("work/shop/values.yaml", "greeting: hello\n");
        desk.write("work/shop/templates/shop.yaml", "# the Helm of this machine renders what it likes\n");
        desk.write("work/values.yaml", "greeting: good day\n");
        desk.write("work/subject.yaml", SUBJECT);
        desk.helm("apiVersion: v1\\nkind: ConfigMap\\nmetadata:\\n  name: shop\\n");
        desk
    }

    /// A path on this machine.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Puts a shell script on PATH. It may use what a shell has built in.
    pub(crate) fn program(&self, name: &str, script: &str) {
        let file = format!("bin/{name}");
        self.write(&file, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(self.path(&file), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Puts a program of the real machine on PATH.
    pub(crate) fn borrow(&self, name: &str) {
        let path = std::env::var_os("PATH").unwrap();
        let mut files = std::env::split_paths(&path).map(|folder| folder.join(name));
        let found = files.find(|file| file.is_file()).unwrap_or_else(|| panic!("{name} is not on PATH"));
        symlink(found, self.path("bin").join(name)).unwrap();
    }

    /// Puts a Helm 4 on PATH that renders this, with `\n` for the ends of lines.
    pub(crate) fn helm(&self, rendered: &str) {
        self.program("helm4", &format!("printf '{rendered}'"));
    }

    /// Puts a Helm 4 on PATH that refuses to render.
    pub(crate) fn helm_that_refuses(&self) {
        self.program("helm4", &format!("echo '{REFUSAL}' >&2; exit 1"));
    }

    /// A call of `holdfast` in the folder `work`.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.furnished(Command::new(env!("CARGO_BIN_EXE_holdfast")), arguments)
    }

    /// Another program that ends by calling `holdfast`, which gets the arguments.
    pub(crate) fn through(&self, program: &Path, before: &[&str], arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(before).arg(env!("CARGO_BIN_EXE_holdfast"));
        self.furnished(command, arguments)
    }

    fn furnished(&self, mut command: Command, arguments: &[&str]) -> Command {
        command
            .args(arguments)
            .current_dir(self.path("work"))
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("HOME", self.path("home"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_RUNTIME_DIR", self.path("runtime"))
            .env("TMPDIR", self.path("tmp"))
            .env("NO_COLOR", "1");
        command
    }

    /// Calls `holdfast` in the folder `work` and waits for its end.
    pub(crate) fn holdfast(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What was said on standard error, with the paths of this machine taken out.
    pub(crate) fn said(&self, output: &Output) -> String {
        String::from_utf8(output.stderr.clone()).unwrap().replace(self.folder.path().to_str().unwrap(), "/desk")
    }

    /// What a call left behind that could be taken for a result, or that may hold a credential.
    pub(crate) fn left(&self) -> Vec<String> {
        let own = ["shop", "subject.yaml", "values.yaml"];
        let mut left: Vec<String> = Vec::new();
        for folder in ["work", "runtime", "tmp"] {
            let names = self.path(folder).read_dir().unwrap().map(|entry| entry.unwrap().file_name());
            let names = names.map(|name| name.into_string().unwrap());
            left.extend(names.filter(|name| !own.contains(&name.as_str())).map(|name| format!("{folder}/{name}")));
        }
        // The folder of all runs says nothing by itself.
        let runs = self.path("work/target/holdfast").read_dir();
        let runs = runs.map_or(0, Iterator::count);
        left.retain(|path| path != "work/target" || runs > 0);
        left
    }
}

const SUBJECT: &str = "\
apiVersion: holdfast.dev/v1
kind: Subject
metadata: {name: shop}
contract: \"1.0\"
releases:
  - {name: shop, chart: {path: shop}, values: [values.yaml]}
";
