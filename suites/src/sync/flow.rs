//! How a script carries a CA from where it reads it to where it writes it: how often it is encoded on the way, and
//! whether anything looks at it.

use harness::graph::Container;
use harness::rendered::Rendered;
use harness::script::Command;

use super::kubectl::{Call, calls};
use crate::script::scripts;

/// What becomes of the CA between one read and one write.
pub(super) struct Flow {
    /// How often it is encoded in base64 beyond what the written field takes. `None`: it cannot be told.
    pub(super) extra: Option<i64>,
    /// Whether something refuses an empty or broken source.
    pub(super) guarded: bool,
}

/// The flow of a container's scripts. `None`: they do not read one thing and write one.
pub(super) fn flow(container: &Container, subject: &Rendered) -> Option<Flow> {
    let scripts = scripts(container, subject);
    let calls = calls(container, subject);
    let (reads, writes): (Vec<&Call>, Vec<&Call>) =
        (calls.iter().filter(|call| call.reads()).collect(), calls.iter().filter(|call| call.writes()).collect());
    let first = reads.first()?;
    writes.first()?;
    let commands = scripts.get(first.script)?.commands();
    let guarded = commands.iter().any(guards);
    let extra = match (reads.as_slice(), field(&writes)) {
        ([read], Some(field)) => Some(begins(read) + encodings(&commands, read, &writes) - field),
        _ => None,
    };
    // Too few layers are refused by the API server; only what it takes can stay unnoticed.
    Some(Flow { extra: extra.filter(|extra| *extra >= 0), guarded })
}

/// The layers that a read brings: the API server prints `data` as it keeps it.
fn begins(read: &Call) -> i64 {
    let decoded = read.words.iter().any(|word| word.contains("base64decode"));
    i64::from(read.verb == "get" && !decoded)
}

/// The layers that the written field takes. `None`: nobody knows which field it is.
fn field(writes: &[&Call]) -> Option<i64> {
    let says = |text: &str| writes.iter().any(|call| call.words.iter().any(|word| word.contains(text)));
    if says("stringData") || says("--from-literal") || says("--from-file") {
        Some(0)
    } else if says("\"data\"") || says("/data/") {
        Some(1)
    } else {
        None
    }
}

/// The layers that are put on, less those that are taken off, on the way; what only looks at the CA is not on it.
fn encodings(commands: &[Command], read: &Call, writes: &[&Call]) -> i64 {
    let of = |pipeline: usize| commands.iter().filter(move |command| command.pipeline == pipeline);
    let is_on_the_way = |pipeline: usize| {
        let looks = of(pipeline).any(|command| {
            let verifies = command.words.iter().any(|word| matches!(word.as_str(), "x509" | "verify"));
            verifies || matches!(command.program(), "grep" | "test" | "[" | "[[")
        });
        // What a variable takes is used later; of a pipeline at the top only what reads or writes is.
        let taken = of(pipeline).next_back().is_some_and(|command| command.captured);
        !looks && (taken || pipeline == read.pipeline || writes.iter().any(|write| write.pipeline == pipeline))
    };
    let layers = commands.iter().filter(|command| command.program() == "base64" && is_on_the_way(command.pipeline));
    layers.map(|command| if decodes(command) { -1 } else { 1 }).sum()
}

fn decodes(command: &Command) -> bool {
    command.words.iter().any(|word| matches!(word.as_str(), "-d" | "-D" | "--decode" | "-di"))
}

/// Whether a command ends the script where there is no CA.
fn guards(command: &Command) -> bool {
    let has = |words: &[&str]| command.words.iter().any(|word| words.contains(&word.as_str()));
    let tests = matches!(command.program(), "[" | "[[" | "test") && has(&["-n", "-z", "-s"]);
    let reads_it = command.program() == "openssl" && has(&["x509", "verify", "storeutl"]);
    let finds = command.program() == "grep" && command.words.iter().any(|word| word.contains("CERTIFICATE"));
    tests || reads_it || finds || command.words.iter().any(|word| word.contains(":?"))
}
