//! Rotate an API key as the chart's README says, block by block, while two clients never stop asking: one with the old
//! key until it is taken from the list, one with the new key from when it is in it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::SecretString;

use super::diary::Diary;
use super::documented::{COMMANDS, THROUGH, follow_documentation};
use crate::bench::{Bench, BenchError, Procedure, Programs, unguessed};
use crate::record::{AFTER, BEFORE, DURING};

/// A client, or a question, with the key of before.
pub const OLD_KEY: &str = "with the old key";
/// The same with the key that replaces it.
pub const NEW_KEY: &str = "with the new key";
/// A question with a key that is empty.
pub const EMPTY_KEY: &str = "with an empty key";
/// A question without a key.
pub const NO_KEY: &str = "without a key";

/// The pods of the two clients.
const OLD_CLIENT: &str = "holdfast-client-old";
const NEW_CLIENT: &str = "holdfast-client-new";

pub(super) async fn run(bench: &Bench, programs: &Programs, diary: &mut Diary) -> Result<(), BenchError> {
    let procedure = bench.front()?.key_rotation.clone().ok_or_else(|| {
        BenchError::Unsuited("the chart's README has no commands under the heading of `apiKeys.rotation`".into())
    })?;
    let parts = procedure.parts();
    let [add, switch @ .., remove] = &parts[..] else {
        return Err(BenchError::Unsuited(format!(
            "\u{201c}{}\u{201d} in the chart's README has one block of commands, so nobody sees when both keys are valid; \
             give a block to each step",
            procedure.heading
        )));
    };
    let (old, new) = (bench.required_api_key()?, unguessed());
    let rotation = Rotation { bench, programs, old: &old, new: &new };
    diary.look(bench, BEFORE, bench.clients_since()).await?;
    diary.step("let a client ask with the old key", bench.start_asker(OLD_CLIENT, &old)).await?;

    let began = Timestamp::now();
    let mut ran = rotation.follow(diary, add).await?;
    diary.hope("wait for every workload to settle", bench.settle()).await;
    diary.look(bench, DURING, began).await?;
    rotation.ask(diary).await?;
    // One that is turned away goes on asking, and its answers are counted like the others'.
    diary.hope("let a client ask with the new key", bench.start_asker(NEW_CLIENT, &new)).await;
    for part in switch {
        ran = ran.or(rotation.follow(diary, part).await?);
        diary.hope("wait for every workload to settle", bench.settle()).await;
    }
    let of_old = diary.step("count what the old key was answered", bench.asker_counts(OLD_CLIENT)).await?;
    diary.step("let the client with the old key end", bench.remove_asker(OLD_CLIENT)).await?;

    ran = ran.or(rotation.follow(diary, remove).await?);
    diary.hope("wait for every workload to settle", bench.settle()).await;
    let of_new = diary.step("count what the new key was answered", bench.asker_counts(NEW_CLIENT)).await?;
    diary.step("let the client with the new key end", bench.remove_asker(NEW_CLIENT)).await?;
    diary.look(bench, AFTER, began).await?;
    rotation.ask(diary).await?;
    if let Some(latest) = diary.latest() {
        latest.answers.insert(COMMANDS.into(), ran.unwrap_or_else(|| THROUGH.into()));
        latest.clients = BTreeMap::from([(OLD_KEY.to_owned(), of_old), (NEW_KEY.to_owned(), of_new)]);
    }
    // The values of the bench have the old key; whatever follows begins with it.
    diary.step("give the old key back", bench.install(&programs.helm, &[])).await?;
    diary.step("wait for every workload to settle again", bench.settle()).await
}

struct Rotation<'a> {
    bench: &'a Bench,
    programs: &'a Programs,
    old: &'a SecretString,
    new: &'a SecretString,
}

impl Rotation<'_> {
    /// Runs a block; nothing if it ran through, else how it failed.
    async fn follow(&self, diary: &mut Diary, part: &Procedure) -> Result<Option<String>, BenchError> {
        let secrets = [("OLD_KEY", self.old), ("NEW_KEY", self.new)];
        let ran = follow_documentation(self.bench, self.programs, diary, part, &secrets).await?;
        Ok((ran != THROUGH).then_some(ran))
    }

    /// Asks every replica with every key, and with none.
    async fn ask(&self, diary: &mut Diary) -> Result<(), BenchError> {
        let empty = SecretString::from("");
        let keys = [(OLD_KEY, Some(self.old)), (NEW_KEY, Some(self.new)), (EMPTY_KEY, Some(&empty)), (NO_KEY, None)];
        let asked = diary.step("ask every replica with every key", self.bench.ask_with_keys(&keys)).await?;
        if let Some(latest) = diary.latest() {
            latest.asked = asked;
        }
        Ok(())
    }
}
